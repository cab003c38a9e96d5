// flags: --insecure-skip-tls-verify
import http from 'k6/http';
import { check } from 'k6';

export default function () {
  const base = `https://${__ENV.H2}`;
  const got = http.get(`${base}/json`, { tags: { kind: 'json' } });
  check(got, { 'HTTP/2': (r) => r.proto === 'HTTP/2.0' && r.status_text === '200 OK' && r.json('ok') === true });
  console.log(JSON.stringify(Object.entries(got.headers).sort()), got.tls_version, got.tls_cipher_suite, JSON.stringify(got.ocsp));
  console.log(http.post(`${base}/echo`, 'hello', { headers: { 'X-One': '1', Connection: 'close' }, cookies: { a: 'b' } }).body);
  console.log(http.post(`${base}/echo`, '').body);
  console.log(http.put(`${base}/echo`).body);
  console.log(http.get(`${base}/cookie`).status, JSON.stringify(http.cookieJar().cookiesForURL(base)));
  for (const status of [204, 299, 404, 500]) {
    const r = http.get(`${base}/status/${status}`);
    console.log(r.status, r.status_text, r.error_code, r.body);
  }
  const head = http.head(`${base}/json`);
  console.log(head.status, head.body, head.headers['Content-Length']);
  console.log(http.get(`${base}/redirect`).url.endsWith('/json'));
  console.log(http.get(`${base}/bytes/3000000`).body.length);
  console.log(http.get(`${base}/bytes/300000`, { responseType: 'none' }).body);
  console.log(http.get(`${base}/count`).body);
}
