// flags: --iterations 3
import http from 'k6/http';
export default function () {
  http.get(http.url`${__ENV.BASE}/status/20${__ITER}`);
  http.get(`${__ENV.BASE}/status/20${__ITER}`, { tags: { name: 'named', extra: 'e' } });
}
