import http from 'k6/http';
export default function () {
  const sent = http.get(`${__ENV.BASE}/echo`, { headers: { 'X-One': '1', 'x-two': 'two', 'User-Agent': 'mine' } }).json('headers');
  console.log(Object.keys(sent).sort().map((k) => `${k}=${sent[k]}`).join());
  const r = http.get(`${__ENV.BASE}/headers`);
  console.log(r.headers['X-Multi'], r.headers['X-Lower-Case'], r.headers['Etag'], r.headers['ETag']);
  console.log(JSON.stringify(r.request.headers));
}
