import http from 'k6/http';
export default function () {
  const r = http.post(`${__ENV.BASE}/echo`, 'compress me', { compression: 'gzip' });
  console.log(r.json('headers.content-encoding'), r.status);
}
