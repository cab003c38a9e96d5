import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/delay/1.5`, { timeout: '300ms' });
  console.log(r.status, r.error_code, r.error, r.body);
}
