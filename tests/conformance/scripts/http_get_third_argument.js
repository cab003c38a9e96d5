import http from 'k6/http';
export default function () { console.log(http.get(`${__ENV.BASE}/echo`, { headers: { 'X-A': '1' } }).json('headers.x-a')); }
