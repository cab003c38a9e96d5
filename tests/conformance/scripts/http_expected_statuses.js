import http from 'k6/http';
http.setResponseCallback(http.expectedStatuses(404, { min: 200, max: 299 }));
export default function () {
  http.get(`${__ENV.BASE}/status/404`);
  http.get(`${__ENV.BASE}/status/500`);
  http.get(`${__ENV.BASE}/status/500`, { responseCallback: http.expectedStatuses(500) });
  http.get(`${__ENV.BASE}/status/200`, { responseCallback: null });
}
