// k6/experimental/fs: what it does not take.
import { open, SeekMode } from 'k6/experimental/fs';

// How often the top level runs is the engine's business, so that only an iteration prints.
const seen = [];
const attempt = async (name, f) => {
  try {
    seen.push(`${name} ${JSON.stringify(await f())}`);
  } catch (e) {
    seen.push(`${name} threw ${e}`);
  }
};
await attempt('missing', () => open('lib/no-such-file'));
await attempt('folder', () => open('lib'));
await attempt('nothing', () => open());
await attempt('empty', () => open(''));
const file = await open('lib/hello.txt');

export default async function () {
  await attempt('late', () => open('lib/hello.txt'));
  await attempt('negative', () => file.seek(-1, SeekMode.Start));
  await attempt('beyond', () => file.seek(100, SeekMode.Start));
  await attempt('past the end', () => file.seek(1, SeekMode.End));
  await attempt('mode', () => file.seek(1, 9));
  await attempt('no offset', () => file.seek());
  await attempt('no mode', () => file.seek(1));
  await attempt('text', () => file.seek('1', 0));
  await attempt('into nothing', () => file.read());
  await attempt('into a buffer', () => file.read(new ArrayBuffer(3)));
  await attempt('into text', () => file.read('x'));
  seen.forEach((line) => console.log(line));
}
