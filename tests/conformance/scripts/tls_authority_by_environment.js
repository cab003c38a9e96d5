// environment: SSL_CERT_FILE=<protos>/ca.pem
import http from 'k6/http';

export default function () {
  console.log(http.get(`https://${__ENV.HTTPS}/json`).status);
  const other = http.get(`https://localhost:${__ENV.HTTPS.split(':')[1]}/json`, { tags: { name: 'other name' } });
  console.log(other.status, other.error_code, other.error);
}
