// flags: --insecure-skip-tls-verify
import http from 'k6/http';

export default function () {
  const base = `https://${__ENV.H2}`;
  http.get(`${base}/json`);
  const counts = http.batch(Array(12).fill(`${base}/count`)).map((r) => Number(r.body));
  console.log(counts.sort((a, b) => a - b).join());
}
