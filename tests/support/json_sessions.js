// Whether what a parser made can be told from what another one made: the same random text goes through both, the same
// random operations are done to both values, and everything that can be seen on the way is compared.
//   sessions.run(plain, quick, seed)            '' or what differed
//   sessions.on(plain, quick, text, seed)       the same with a text of the caller's
globalThis.sessions = (() => {
  const random = (seed) => {
    let state = (seed * 2654435761) >>> 0 || 1;
    const next = () => { state ^= state << 13; state >>>= 0; state ^= state >>> 17; state ^= state << 5; state >>>= 0; return state; };
    for (let i = 0; i < 5; i++) next();
    return { below: (n) => next() % n, pick: (list) => list[next() % list.length] };
  };

  // Not 4294967294: a list with an element there has four thousand million to look at.
  const KEYS = ['a', 'b', 'c', 'id', 'name', 'status', 'goals', '0', '1', '7', '01', '-1', '4294967295', 'length', '__proto__', 'constructor',
    'toString', 'toJSON', 'then', '', 'x y', 'é', '☃', '😀', 'Ã©', 'a much longer key than sixteen bytes', 'a much longer key than sixteen bytez', 'valueOf'];
  const SCALARS = ['0', '1', '-1', '1.5', '2147483648', '9007199254740993', '1e3', '18446744073709551615', 'true', 'false', 'null', '""', '"completed"', '"WALLET"',
    '"completes"', '"é"', '"😀"', '"a string that is longer than forty-eight bytes, which are the longest remembered"'];

  // Longer than what is made at once, whatever it holds.
  const text_of = (r) => {
    const key = () => JSON.stringify(r.pick(KEYS));
    // A length of 2^53 would keep the methods of arrays busy for ever.
    const member = (k, depth) => k + ':' + (k === '"length"' ? r.pick(['2', '"é"', 'null']) : value(depth));
    const value = (depth) => {
      const kind = depth <= 0 ? 0 : r.below(5);
      if (kind < 2) return r.pick(SCALARS);
      const size = r.below(12) === 0 ? 15 + r.below(30) : r.below(6);
      if (kind === 2) return '[' + Array.from({ length: size }, () => value(depth - 1)).join() + ']';
      if (kind === 3) {  // brothers with the same keys
        const keys = Array.from({ length: size }, key);
        return '[' + Array.from({ length: 1 + r.below(5) }, () => '{' + keys.map((k) => member(k, depth - 1)).join() + '}').join() + ']';
      }
      return '{' + Array.from({ length: size }, (_, i) => member(r.below(3) ? key() : `"k${i}"`, depth - 1)).join() + '}';
    };
    return r.below(2) ? `[${value(3)},${value(3)}]` : `{"a":${value(3)},"goals":${value(3)}}`;
  };

  const show = (value) => {
    if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
    if (typeof value === 'string') return JSON.stringify(value);
    if (typeof value === 'symbol') return value.toString();
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return typeof value + String(value);
    return typeof value === 'function' ? 'function' : (Array.isArray(value) ? 'array' : 'object');
  };
  const describe = (value, seen = new Map()) => {
    if (value === null || typeof value !== 'object') return show(value);
    if (seen.has(value)) return '#' + seen.get(value);
    seen.set(value, seen.size);
    const prototype = Object.getPrototypeOf(value);
    const kind = prototype === Array.prototype ? 'A' : prototype === Object.prototype ? 'O' : prototype === null ? 'N' : 'P' + describe(prototype, seen);
    return kind + Array.isArray(value) + Object.prototype.toString.call(value) + Object.isExtensible(value) + '{' + Reflect.ownKeys(value).map((key) => {
      const d = Object.getOwnPropertyDescriptor(value, key);
      return show(key) + [d.writable, d.enumerable, d.configurable, 'get' in d] + ':' + describe(d.value, seen);
    }).join() + '}';
  };

  // Stamps a private field on any object.
  const Stamp = (() => { const Self = function (object) { return object; }; return class extends Self { #mark = 1; static has(object) { return #mark in object; } }; })();

  const strictly = (function () { 'use strict'; return { set: (o, k, v) => { o[k] = v; return ''; }, remove: (o, k) => delete o[k] }; })();

  // Each does one thing to a container `o` and says what it saw. `k` is a key, `v` a value, `other` another container.
  const OPERATIONS = [
    ({ o, k }) => show(o[k]), ({ o, k }) => show(o[k]), ({ o, k }) => show(o[k]), ({ o, k }) => show(o.id) + show(o.name) + show(o.status) + show(o.id),
    ({ o, k }) => o[k] === o[k], ({ o, n }) => show(o[n]) + (o[n] === o[n]), ({ o }) => show(o.length), ({ o, k }) => k in o, ({ o, n }) => n in o,
    ({ o }) => Object.keys(o).join(), ({ o }) => Object.entries(o).map(([k, v]) => k + show(v)).join(), ({ o }) => { const all = []; for (const k in o) all.push(k); return all.join(); },
    ({ o }) => { const all = []; for (const v of o) all.push(show(v)); return all.join(); }, ({ o }) => JSON.stringify(o), ({ o }) => JSON.stringify([o], null, 1).length,
    ({ o }) => describe({ ...o }), ({ o }) => describe([...o]), ({ o, k, v }) => { o[k] = v; return show(o[k]); }, ({ o, k, v }) => { o[k] = v; return show(o[k]); },
    ({ o, n, v }) => { o[n] = v; return show(o.length); }, ({ o, k }) => delete o[k], ({ o, n }) => delete o[n],
    ({ o, k, v }) => { Object.defineProperty(o, k, { get() { return v; }, configurable: true, enumerable: true }); return show(o[k]); },
    ({ o, k, v }) => { Object.defineProperty(o, k, { value: v, writable: false, enumerable: false }); return describe(Object.getOwnPropertyDescriptor(o, k)); },
    ({ o, k }) => describe(Object.getOwnPropertyDescriptor(o, k)), ({ o }) => Object.isFrozen(o) + '' + Object.isSealed(o), ({ o }) => { Object.freeze(o); return Object.isFrozen(o); },
    ({ o }) => { Object.seal(o); return ''; }, ({ o }) => { Object.preventExtensions(o); return Object.isExtensible(o); },
    ({ o }) => { Object.setPrototypeOf(o, { inherited: 1 }); return show(o.inherited); }, ({ o }) => { Object.setPrototypeOf(o, null); return ''; },
    ({ o }) => { Object.setPrototypeOf(o, Array.prototype); return o instanceof Array; }, ({ o, other }) => { Object.setPrototypeOf(o, other); return show(o.id); },
    ({ o, k, v }) => { const child = Object.create(o); const before = show(child[k]); child[k] = v; return before + show(child[k]) + show(o[k]); },
    ({ o, k, v }) => Reflect.set(o, k, v, {}) + show(o[k]), ({ o, k, v }) => { const target = {}; Reflect.set(target, k, v, o); return show(o[k]); },
    ({ o, k }) => show(Reflect.get(o, k, {})) + Reflect.has(o, k), ({ o }) => Reflect.ownKeys(o).length, ({ o }) => Array.isArray(o) + Object.prototype.toString.call(o) + (o instanceof Object),
    ({ o, k }) => o.hasOwnProperty(k) + '' + Object.hasOwn(o, k) + o.propertyIsEnumerable(k), ({ o, v }) => o.push(v), ({ o }) => show(o.pop()), ({ o }) => show(o.shift()), ({ o, v }) => o.unshift(v, v),
    ({ o, n, v }) => describe(o.splice(n, 1, v)), ({ o }) => describe(o.slice(1)), ({ o, other }) => describe(o.concat(other)), ({ o, other }) => describe([0].concat(o, other)),
    ({ o }) => describe(o.map((v, i) => show(v) + i)), ({ o }) => o.filter((v) => typeof v === 'object').length, ({ o }) => show(o.find((v) => v && v.id !== undefined)), ({ o, v }) => o.indexOf(v) + '' + o.includes(v) + o.lastIndexOf(v),
    ({ o }) => { o.reverse(); return ''; }, ({ o }) => { o.sort(); return ''; }, ({ o }) => show(o.at(-1)) + o.join('|').length, ({ o }) => describe(o.flat()), ({ o, n }) => { o.length = n; return o.length; }, ({ o }) => { o.length = 'x'; return ''; },
    ({ o, n, v }) => { o.fill(v, n); return ''; }, ({ o, n }) => { o.copyWithin(0, n); return ''; }, ({ o }) => o.reduce((sum, v) => sum + show(v), ''), ({ o }) => o.every((v) => v !== undefined), ({ o }) => Array.from(o, show).join(), ({ o }) => [...o.keys()].join() + [...o.entries()].length,
    ({ o }) => Math.max(...o), ({ o }) => String.fromCharCode.apply(null, o), ({ o }) => describe(new Array(2).concat(o)), ({ o }) => describe(o.toSorted()), ({ o, n, v }) => describe(o.with(n, v)),
    ({ o }) => { const [first, ...rest] = o; return show(first) + rest.length; }, ({ o }) => { const { id, a, ...rest } = o; return show(id) + show(a) + describe(rest); },
    ({ o, other }) => describe(Object.assign({}, o, other)), ({ o, other }) => { Object.assign(o, other); return ''; }, ({ o }) => describe(Object.fromEntries(Object.entries(o))),
    ({ o }) => new Map([[o, 1]]).get(o) + '' + new WeakSet([o]).has(o) + (new WeakRef(o).deref() === o), ({ o, v }) => { const s = Symbol.for('mark'); const was = show(o[s]); o[s] = v; return was + show(o[s]); },
    ({ o }) => { new Stamp(o); return Object.keys(o).length + '' + Stamp.has(o); }, ({ o }) => Stamp.has(o), ({ o, k }) => { const p = new Proxy(o, {}); return show(p[k]) + Object.keys(p).join() + Array.isArray(p); },
    ({ o }) => `${o}`.length, ({ o }) => show(o + ''), ({ o, k }) => { const f = new Function('o', 'k', `with (o) { return typeof id + typeof length; }`); return f(o, k); },
    ({ o, other }) => (o === other) + '' + Object.is(o, o), ({ o }) => Object.values(o).length, ({ o }) => describe(Object.getOwnPropertyDescriptors(o)), ({ o, k }) => { o[k]++; return show(o[k]); }, ({ o, k, v }) => { o[k] ??= v; o[k] ||= v; return show(o[k]); },
    ({ o, k, v }) => strictly.set(o, k, v), ({ o, k }) => strictly.remove(o, k), ({ o }) => { try { return show(o.a.b.c); } catch (e) { return e.message; } }, ({ o }) => show(o?.goals?.[0]?.id),
    ({ o, other, k }) => { o[k] = other; return ''; }, ({ o, other }) => { o.__proto__ = other; return show(o.status); }, ({ o }) => o.toLocaleString().length, ({ o }) => show(o.valueOf()) + (o.valueOf() === o),
    ({ o }) => { o.goals.push(1); return o.goals.length; }, ({ o }) => { class Derived extends Array {} return describe(Derived.from(o)); }, ({ o }) => { const all = []; o.forEach?.((v, i) => all.push(i)); return all.join(); },
    ({ o, k }) => { Array.prototype.extra = 1; try { let all = ''; for (const k in o) all += k; return all; } finally { delete Array.prototype.extra; } }, ({ o }) => describe(structuredCloneOf(o)),
  ];
  const structuredCloneOf = (value) => JSON.parse(JSON.stringify(value));

  const play = (parse, text, seed) => {
    const r = random(seed);
    const log = [];
    let root;
    try { root = parse(text); } catch (e) { return ['throws ' + e.name]; }
    if (root === null || typeof root !== 'object') return [show(root)];
    const held = [root];
    // Goes from a container that is held to one inside it, by the nth of its keys: the only look that does not ask first.
    const walk = () => {
      let at = r.pick(held);
      for (let steps = r.below(4); steps > 0; steps--) {
        const inner = r.below(2) ? Object.keys(at).map((k) => at[k]).filter((v) => v && typeof v === 'object') : [at.a, at.goals, at[0], at[1], at.k1].filter((v) => v && typeof v === 'object');
        if (inner.length === 0) break;
        at = r.pick(inner);
      }
      if (held.length < 12) held.push(at);
      return at;
    };
    for (let i = 0; i < 25; i++) {
      const operation = r.below(OPERATIONS.length);
      const subject = { o: walk(), k: r.pick(KEYS), n: r.below(8), v: r.pick([1, 'x', null, undefined]), other: r.pick(held) };
      let said;
      try { said = String(OPERATIONS[operation](subject)); } catch (e) { said = 'throws ' + e.name + ': ' + e.message; }
      log.push(operation + ': ' + said);
    }
    for (const each of held) {
      try { log.push(describe(each)); } catch (e) { log.push('throws ' + e.name + ': ' + e.message); }
    }
    return log;
  };

  const on = (plain, quick, text, seed) => {
    const padded = text + ' '.repeat(2100);
    const a = play(plain, padded, seed), b = play(quick, padded, seed);
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      if (a[i] === b[i]) continue;
      const x = a[i] ?? 'nothing', y = b[i] ?? 'nothing';
      let at = 0;
      while (x[at] === y[at]) at++;
      const around = (said) => said.slice(Math.max(0, at - 80), at + 80);
      return `seed ${seed}, step ${i}: plain ...${around(x)}... quick ...${around(y)}... after ${a.slice(0, i).map((said) => said.slice(0, 60)).join('; ')}`;
    }
    return '';
  };
  const run = (plain, quick, seed) => on(plain, quick, text_of(random(seed)), seed);
  return { run, on };
})();
