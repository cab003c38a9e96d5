
import http from 'k6/http';
import { check, group, sleep } from 'k6';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
const url = 'http://' + __ENV.SERVER;
export default async function () {
  const jar = t(() => http.cookieJar());
  t(() => { jar.set(url, 'a', 'b', { path: '/', max_age: 9, expires: 'Mon, 02 Jan 2030 15:04:05 GMT' }); jar.cookiesForURL(url); jar.delete(url, 'a'); jar.clear(url); });
  const r = t(() => http.post(url + '/echo', { a: [1, 'x'], f: http.file('data', 'n.txt', 'text/plain') }, { headers: { A: 'b', 'Content-Length': '3' }, tags: { t: 1, name: 'n' }, cookies: { c: { value: 'v', replace: true }, d: 'e' }, jar: new http.CookieJar(), timeout: '2s', redirects: 1, compression: 'gzip', responseType: 'text', responseCallback: http.expectedStatuses(200, { min: 201, max: 204 }) }));
  for (const k of ['remote_ip', 'status_text', 'proto', 'headers', 'cookies', 'body', 'timings', 'tls_version', 'ocsp', 'error', 'request', 'url']) t(() => JSON.stringify(r[k]));
  t(() => Object.keys(r)); t(() => ({ ...r })); t(() => { r.body = 1; r.nothing = 2; }); t(() => JSON.stringify(r)); t(() => check(r, { ok: (x) => x.status === 200, no: () => { throw new Error('x'); } }, { a: 'b' }));
  t(() => http.batch([url + '/json', ['GET', url + '/page', null, { tags: { a: 'b' } }], { method: 'POST', url: url + '/echo', body: 'x' }])); t(() => http.batch({ a: url + '/json', b: http.url`${url}/json?${1}` })); t(() => http.batch(['nonsense:']));
  t(() => http.get('http://127.0.0.1:1/').json()); t(() => http.get('::')); t(() => http.request('PATCH', url + '/nothing', new Uint8Array(3).buffer, { responseType: 'binary' }).body); t(() => http.get(url + '/json', { responseType: 'none' }).html());
  t(() => http.setResponseCallback(null)); t(() => http.setResponseCallback(http.expectedStatuses(200)));
  t(() => group('g', () => check(1, { a: true })));
  try { const a = await http.asyncRequest('GET', url + '/page'); t(() => a.html('a').attr('href')); t(() => a.submitForm({ formSelector: '#f', fields: { a: [1, 2] } })); t(() => a.clickLink({ selector: 'a' })); } catch (e) { t(() => String(e)); }
  t(() => sleep(0.001));
}
