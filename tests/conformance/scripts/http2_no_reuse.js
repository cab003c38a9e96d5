// flags: --insecure-skip-tls-verify --no-connection-reuse
import http from 'k6/http';

export default function () {
  for (let i = 0; i < 3; i++) console.log(http.get(`https://${__ENV.H2}/count`).body);
}
