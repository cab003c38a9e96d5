// flags: --iterations 2
import http from 'k6/http';
export default function () {
  const a = http.get(`${__ENV.BASE}/close`), b = http.get(`${__ENV.BASE}/json`), c = http.get(`${__ENV.BASE}/json`);
  console.log(a.body, b.timings.connecting > 0, c.timings.connecting);
}
