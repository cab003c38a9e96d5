import http from 'k6/http';
export default function () {
  const r = http.post(`${__ENV.BASE}/echo`, { f: http.file('hello', 'a.txt', 'text/plain'), z: '1' });
  const body = r.json('body');
  console.log(body.includes('filename="a.txt"'), body.includes('hello'), r.json('headers.content-type').startsWith('multipart/form-data; boundary='));
}
