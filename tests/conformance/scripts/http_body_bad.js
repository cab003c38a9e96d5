import http from 'k6/http';
export default function () {
  try { const r = http.post(`${__ENV.BASE}/echo`, 12); console.log(r.status, r.error_code); } catch (e) { console.log('threw'); }
}
