// flags: --iterations 3
import http from 'k6/http';
import { check } from 'k6';
export default function () {
  const r = http.get(`${__ENV.BASE}/json`);
  check(r, {
    'status is 200': (x) => x.status === 200,
    'body parses': (x) => JSON.parse(x.body).items.length === 2,
    'json()': (x) => x.json().deep.a.b[1] === 20,
    'selector': (x) => x.json('items.#') === 2 && x.json('items.1.name') === 'b' && x.json('nope') === undefined,
    'header': (x) => x.headers['Content-Type'] === 'application/json',
    'timings': (x) => x.timings.duration > 0 && Math.abs(x.timings.duration - x.timings.sending - x.timings.waiting - x.timings.receiving) < 0.001,
    'fails': (x) => x.status === 201,
  });
}
