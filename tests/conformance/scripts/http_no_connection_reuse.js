// flags: --no-connection-reuse --iterations 2
import http from 'k6/http';
export default function () { const r = http.get(`${__ENV.BASE}/echo`); console.log(r.status, r.timings.connecting > 0); }
