import http from 'k6/http';
export default function () { const r = http.get(`${__ENV.BASE}/cut`); console.log(r.status, r.body, r.error !== ''); }
