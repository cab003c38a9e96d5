import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/status/200`);
  try { r.json(); } catch (e) { console.log('threw', typeof e.message); }
  console.log(r.json === undefined, r.body);
}
