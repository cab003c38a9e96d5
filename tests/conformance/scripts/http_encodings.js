import http from 'k6/http';
export default function () {
  console.log(http.get(`${__ENV.BASE}/gzip`).body, http.get(`${__ENV.BASE}/deflate`).json('zipped'), http.get(`${__ENV.BASE}/chunked`).body);
  const b = http.get(`${__ENV.BASE}/bytes/10`, { responseType: 'binary' });
  console.log(b.body.byteLength, http.get(`${__ENV.BASE}/bytes/10`, { responseType: 'none' }).body);
}
