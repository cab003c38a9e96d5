import http from 'k6/http';
export const options = { maxRedirects: 3 };
export default function () { const r = http.get(`${__ENV.BASE}/redirect-loop`); console.log(r.status, r.url.endsWith('/redirect-loop')); }
