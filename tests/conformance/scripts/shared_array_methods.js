import { SharedArray } from 'k6/data';
const a = new SharedArray('x', () => [5, 'six', { seven: [7] }, null]);
export default function () {
  console.log(a.length, JSON.stringify(a), JSON.stringify(a.slice(1, 3)), a.includes(5), a.indexOf('six'), Array.isArray(a));
  console.log(JSON.stringify(a.filter((x) => x)), [...a].length, a.some((x) => x === 5), Object.keys(a).length);
  try { a.push(1); console.log('pushed', a.length); } catch (e) { console.log(e.name); }
}
