export const options = { thresholds: { http_req_duration: ['p(95)<500'], http_req_failed: ['rate<0.1'], checks: ['rate>0.9'] } };
export default function () {}
