// A small keep-alive GET with three headers and a check: what one iteration costs the load generator.
import http from 'k6/http';
import { check } from 'k6';
const url = `${__ENV.BASE_URL}/small`;
export default function () {
  const r = http.get(url, { headers: { Authorization: `Bearer token-${__VU}`, 'Content-Type': 'application/json', 'X-Mock-User-Id': `user-${__VU}` } });
  check(r, { 'status is 200': (x) => x.status === 200 });
}
