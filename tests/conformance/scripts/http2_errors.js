// flags: --insecure-skip-tls-verify
import http from 'k6/http';

export default function () {
  const base = `https://${__ENV.H2}`;
  for (const code of [2, 3, 5, 8, 11, 13]) {
    const r = http.get(`${base}/reset/${code}`, { tags: { name: `reset ${code}` } });
    console.log(code, r.status, r.error_code, r.error, r.body);
  }
  for (const code of [0, 2, 11]) {
    const r = http.get(`${base}/goaway/${code}`, { tags: { name: `goaway ${code}` } });
    console.log(code, r.status, r.error_code, r.error);
  }
  console.log(http.get(`${base}/json`).status);
}
