// flags: --no-vu-connection-reuse
import http from 'k6/http';

export const options = { iterations: 3 };

export default function () {
  for (let i = 0; i < 2; i++) console.log(__ITER, i, http.get(`${__ENV.BASE}/json`).timings.connecting > 0);
}
