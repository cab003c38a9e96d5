import http from 'k6/http';
import { check } from 'k6';
const url = `${__ENV.BASE}/echo`;
export default function () {
  const all = {
    post: http.post(url, 'text'), put: http.put(url, 'text'), patch: http.patch(url, 'text'),
    del: http.del(url, 'text'), options: http.options(url, 'text'), request: http.request('GET', url),
  };
  for (const [name, r] of Object.entries(all)) {
    check(r, { [`${name} 200`]: (x) => x.status === 200 });
    console.log(name, r.json('method'), JSON.stringify(r.json('body')), r.request.method);
  }
  const head = http.head(url);
  console.log('head', head.status, typeof head.body);
}
