import http from 'k6/http';
export default function () {
  const url = `${__ENV.BASE}/echo`;
  console.log(http.post(url).json('body').length, http.post(url, null).json('body').length, http.post(url, '').json('body').length);
  console.log(http.post(url, new Uint8Array([104, 105]).buffer).json('body'));
  console.log(http.post(url, JSON.stringify({ a: 1 }), { headers: { 'Content-Type': 'application/json' } }).json('headers.content-type'));
}
