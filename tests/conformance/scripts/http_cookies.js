// flags: --iterations 2
import http from 'k6/http';
export default function () {
  console.log(http.get(`${__ENV.BASE}/cookies`).body);
  const r = http.get(`${__ENV.BASE}/set-cookie?sid=abc`);
  console.log(r.cookies.sid[0].value, r.cookies.sid[0].path);
  console.log(http.get(`${__ENV.BASE}/cookies`).body);
  console.log(http.get(`${__ENV.BASE}/cookies`, { cookies: { extra: '1' } }).body);
  const jar = http.cookieJar();
  jar.set(`${__ENV.BASE}/`, 'mine', 'yes');
  console.log(JSON.stringify(jar.cookiesForURL(`${__ENV.BASE}/`).mine));
}
