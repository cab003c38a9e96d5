import http from 'k6/http';
export default function () {
  const r = http.post(`${__ENV.BASE}/echo`, { b: 'x y', a: 1, c: ['1', '2'], u: 'é&=' });
  console.log(r.json('body'), r.json('headers.content-type'), r.request.body);
}
