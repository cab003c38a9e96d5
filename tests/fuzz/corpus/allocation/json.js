
import http from 'k6/http';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
export default function () {
  const r = t(() => http.get('http://' + __ENV.SERVER + '/json'));
  const d = t(() => r.json());
  t(() => d.items.length); t(() => d.items[3].inner.at.z); t(() => Object.entries(d.items[0])); t(() => d.items.map((i) => i.tags[2]));
  t(() => Object.assign({}, d.items[1])); t(() => ({ ...d.items[2] })); t(() => JSON.stringify(d)); t(() => d.items[5].name in d); t(() => delete d.items[6].id);
  t(() => { d.items[7].id = 1; d.items[7].more = 2; }); t(() => Object.freeze(d.items[8].inner)); t(() => d.items.push(1)); t(() => d.items.splice(1, 3)); t(() => { d.items.length = 4; });
  t(() => JSON.parse(r.body).items[9].inner); t(() => JSON.parse(JSON.stringify(d), (k, v) => v)); t(() => r.json('items.#.name')); t(() => r.json('items.#(id>3)#.inner.at|@reverse'));
  t(() => JSON.parse('{"a":[1,{"b":2.5e3,"c":"\\u00e9"}],"a":-0}')); t(() => JSON.parse('[')); t(() => JSON.parse('{"__proto__":{"a":1}}').a);
  t(() => Object.setPrototypeOf(d.items[2], null)); t(() => Object.defineProperty(d.items[3], 'x', { get() { return 1; } })); t(() => Reflect.ownKeys(d.items[4])); t(() => structuredClone(d));
}
