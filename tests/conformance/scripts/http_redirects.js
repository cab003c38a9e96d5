import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/redirect/2`);
  console.log(r.status, r.url, r.request.url);
  console.log(http.get(`${__ENV.BASE}/redirect/2`, { redirects: 0 }).status);
  console.log(http.get(`${__ENV.BASE}/redirect/3`, { redirects: 1 }).status);
  console.log(http.post(`${__ENV.BASE}/redirect/1?code=302`, 'x').request.method);
  console.log(http.post(`${__ENV.BASE}/redirect/1?code=307`, 'x').status);
}
