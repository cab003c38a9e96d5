// flags: --tag run=7 --iterations 1
import http from 'k6/http';
export const options = { tags: { lost: 'yes' } };
export default function () { http.get(`${__ENV.BASE}/json`, { tags: { mine: 1 } }); }
