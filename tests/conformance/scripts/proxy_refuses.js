// environment: HTTPS_PROXY=127.0.0.1:<proxy>
import http from 'k6/http';

export default function () {
  const r = http.get(`https://private.test:${__ENV.HTTPS.split(':')[1]}/json`, { tags: { name: 'refused' } });
  console.log(r.status, r.error_code, r.error);
}
