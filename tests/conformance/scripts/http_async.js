import http from 'k6/http';
export default async function () {
  const [a, b] = await Promise.all([http.asyncRequest('GET', `${__ENV.BASE}/json`), http.asyncRequest('GET', `${__ENV.BASE}/status/202`)]);
  console.log(a.status, b.status);
}
