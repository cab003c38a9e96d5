import http from 'k6/http';
import { sorted } from './lib/sorted.js';
export default function () {
  const r = http.get(`${__ENV.BASE}/json`);
  for (const p of ['ok', 'items', 'items.0', 'items.0.id', 'items.#.name', 'items.#(id==2).name', 'items.#(name=="a").id', 'items.#(id>0)#.name', 'deep.a.b', 'deep.a.b.2', 'deep.*.b', 'it*', 'none', 'absent.x', 'items.5', 'pi', '@this.pi', 'items.@reverse.0.id', 'deep.a.b.#'])
    console.log(p, sorted(r.json(p)));
}
