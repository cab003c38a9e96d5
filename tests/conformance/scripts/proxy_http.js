// environment: HTTP_PROXY=http://127.0.0.1:<proxy>
import http from 'k6/http';

const port = __ENV.BASE.split(':')[2];

export default function () {
  const through = http.post(`http://plain.test:${port}/echo?a=b#c`, 'body');
  console.log(through.status, through.url, through.json('headers.x-through'), through.json('path'), through.json('body'));
  console.log(http.get(`${__ENV.BASE}/echo`).json('headers.x-through'));
  console.log(http.get(`http://private.test:${port}/json`).status);
}
