import http from 'k6/http';
export const options = { thresholds: { http_req_failed: ['rate<0.9'] } };
export default function () {
  for (const code of [200, 201, 204, 304, 400, 401, 404, 429, 500, 503]) {
    const r = http.get(`${__ENV.BASE}/status/${code}`, { tags: { name: `status ${code}` } });
    console.log(code, r.status, r.status_text, r.error_code, JSON.stringify(r.error), r.body === null);
  }
}
