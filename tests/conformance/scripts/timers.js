export default function () {
  setTimeout(() => console.log('second'), 20);
  setTimeout(() => console.log('first'), 5);
  let n = 0; const id = setInterval(() => { n++; console.log('tick', n); if (n === 3) clearInterval(id); }, 10);
  const gone = setTimeout(() => console.log('never'), 5); clearTimeout(gone);
}
