import http from 'k6/http';
export default function () {
  console.log(http.request('get', `${__ENV.BASE}/echo`).json('method'), http.request('POST', `${__ENV.BASE}/echo`, 'b').json('body'));
}
