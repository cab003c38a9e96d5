import http from 'k6/http';
export default function () {
  for (const code of [301, 302, 303, 307, 308]) {
    const r = http.post(`${__ENV.BASE}/redirect/1?code=${code}`, 'x', { tags: { name: `code ${code}` } });
    console.log(code, r.status, r.request.method, r.url.endsWith('/json'));
  }
}
