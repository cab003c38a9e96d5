export default async function () {
  const log = [];
  setTimeout(() => log.push('timer'), 0);
  Promise.resolve().then(() => log.push('micro'));
  log.push('sync'); await null; log.push('after await');
  await new Promise((r) => setTimeout(r, 20)); console.log(log.join());
}
