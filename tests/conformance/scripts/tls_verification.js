import http from 'k6/http';

export default function () {
  for (const [name, server] of [['unknown authority', __ENV.HTTPS], ['no TLS', __ENV.BASE.replace('http://', '')]]) {
    const r = http.get(`https://${server}/json`, { tags: { name } });
    console.log(name, r.status, r.error_code, r.error, r.tls_version);
  }
}
