import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/json`);
  console.log(r.json() === r.json(), JSON.stringify(JSON.parse(r.body)), Object.keys(r.json()).sort().join());
}
