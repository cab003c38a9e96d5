
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
export default function () {
  const s = t(() => '\ufdfa\u0301e\u0301'.repeat(40));
  for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD', 'x']) t(() => s.normalize(form));
  t(() => s.toUpperCase()); t(() => s.split('')); t(() => s.replace(/e(?<x>.)/gu, (m) => m + m)); t(() => s.match(/(.)\1*/gu)); t(() => [...s.matchAll(/./gu)].length); t(() => s.padStart(500, 'ab').padEnd(900));
  t(() => s.localeCompare('\u00e9')); t(() => encodeURIComponent(s)); t(() => decodeURIComponent('%C3%A9%E2%82%AC')); t(() => escape(s)); t(() => s.at(3) + s.slice(1, 9) + s.substring(4)); t(() => s.isWellFormed());
  t(() => String.raw`a${s}b`); t(() => new Intl.NumberFormat().format(1)); t(() => (123456789n ** 20n).toString(7)); t(() => (1.5e300).toFixed(20)); t(() => new Date(0).toISOString()); t(() => Date.parse('2020-01-01T00:00:00Z'));
  t(() => [3, 1, 2].sort()); t(() => Array.from({ length: 50 }, (_, i) => i).toSorted((a, b) => b - a)); t(() => [1, [2, [3]]].flat(9)); t(() => new Map([[1, 2], [s, 3]])); t(() => new Set(s)); t(() => Object.groupBy([1, 2, 3], (x) => x % 2));
  t(() => new Proxy({}, { get: () => s }).x); t(() => Symbol(s).description); t(() => new WeakRef({}).deref()); t(() => new Function('a', 'return a + 1')(1)); t(() => eval('1+1')); t(() => [...(function* () { yield 1; yield* [2, 3]; })()]);
  t(() => new Uint8Array(300).subarray(3).slice().reverse()); t(() => new DataView(new ArrayBuffer(16)).setFloat64(0, 1)); t(() => new Error('x', { cause: s }).stack); t(() => { class A { #p = 1; static s = 2; get g() { return this.#p; } } return new A().g; });
  t(() => { const [a, ...b] = s; const { length, ...c } = { length: 1, x: 2 }; return [a, b, c]; }); t(() => s.concat(s).indexOf('z')); t(() => Array(200).fill(s).join()); t(() => Atomics.add(new Int32Array(2), 0, 1));
}
