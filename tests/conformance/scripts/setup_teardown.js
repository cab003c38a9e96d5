// flags: --vus 2 --iterations 2
import http from 'k6/http';
export function setup() { http.get(`${__ENV.BASE}/json`); return { n: 1, when: new Date(0), gone: undefined, list: [1] }; }
export default function (data) { console.log(JSON.stringify(Object.keys(data).sort()), data.when, data.gone); }
export function teardown(data) { http.get(`${__ENV.BASE}/status/204`); console.log('down', data.n); }
