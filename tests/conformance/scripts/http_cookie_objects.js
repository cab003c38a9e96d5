import http from 'k6/http';
export default function () {
  http.get(`${__ENV.BASE}/set-cookie?a=1`);
  console.log(http.get(`${__ENV.BASE}/cookies`, { cookies: { a: { value: '2', replace: true } } }).body);
  const jar = new http.CookieJar(); jar.set(`${__ENV.BASE}/`, 'own', 'jar');
  console.log(http.get(`${__ENV.BASE}/cookies`, { jar }).body, JSON.stringify(jar.cookiesForURL(`${__ENV.BASE}/`)));
  jar.clear(`${__ENV.BASE}/`); console.log(JSON.stringify(jar.cookiesForURL(`${__ENV.BASE}/`)));
}
