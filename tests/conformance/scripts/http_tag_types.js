import http from 'k6/http';
export default function () {
  http.get(`${__ENV.BASE}/json`, { tags: { s: 'x', n: 1.5, b: true } });
  try { const r = http.get(`${__ENV.BASE}/json`, { tags: { o: {} } }); console.log(r.status); } catch (e) { console.log('threw'); }
}
