// environment: HTTP_PROXY=http://127.0.0.1:1
// environment: NO_PROXY=direct.test,.under.test
import http from 'k6/http';

const port = __ENV.BASE.split(':')[2];
export const options = { hosts: { 'direct.test': '127.0.0.1', 'a.direct.test': '127.0.0.1', 'a.under.test': '127.0.0.1', 'under.test': '127.0.0.1' } };

export default function () {
  for (const host of ['direct.test', 'a.direct.test', 'a.under.test', 'under.test']) {
    const r = http.get(`http://${host}:${port}/json`, { tags: { name: host } });
    console.log(host, r.status, r.error_code, r.error);
  }
}
