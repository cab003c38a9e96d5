// flags: --user-agent mine/1.0
import http from 'k6/http';
export default function () { console.log(http.get(`${__ENV.BASE}/echo`).json('headers.user-agent')); }
