import http from 'k6/http';
export default function () {
  console.log(http.get(`${__ENV.BASE}/basic`).status);
  console.log(http.get(`${__ENV.BASE}/basic`.replace('http://', 'http://user:passwd@')).status);
}
