import http from 'k6/http';
export const options = { iterations: 2, thresholds: { http_reqs: ['count>100'], http_req_duration: ['p(95)<5000'], iterations: ['count==2'] } };
export default function () { http.get(`${__ENV.BASE}/json`); }
