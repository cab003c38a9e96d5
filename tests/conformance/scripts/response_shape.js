import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/status/200`);
  const keys = []; for (const k in r) keys.push(k);
  console.log(keys.join());
  console.log(Object.keys(JSON.parse(JSON.stringify(r))).join(), Object.keys(r.timings).join(), Object.keys(r.request).join());
  console.log(r.remote_ip, r.proto, r.status_text, r.tls_version === '', JSON.stringify(r.ocsp), JSON.stringify(r.cookies));
}
