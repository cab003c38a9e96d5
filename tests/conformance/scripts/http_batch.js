import http from 'k6/http';
import { check } from 'k6';
export default function () {
  const a = http.batch([`${__ENV.BASE}/json`, ['GET', `${__ENV.BASE}/status/404`], { method: 'POST', url: `${__ENV.BASE}/echo`, body: 'hi', params: { tags: { kind: 'b' } } }]);
  console.log(a.length, a[0].status, a[1].status, a[2].json('body'));
  const o = http.batch({ one: `${__ENV.BASE}/json`, two: { method: 'GET', url: `${__ENV.BASE}/status/201` } });
  check(o, { one: (x) => x.one.status === 200, two: (x) => x.two.status === 201 });
}
