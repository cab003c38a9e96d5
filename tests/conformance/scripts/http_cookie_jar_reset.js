// flags: --iterations 2
import http from 'k6/http';
export const options = { noCookiesReset: true };
export default function () { console.log(http.get(`${__ENV.BASE}/cookies`).body); http.get(`${__ENV.BASE}/set-cookie?a=1`); }
