import http from 'k6/http';

export const options = { insecureSkipTLSVerify: true, tlsVersion: { min: 'tls1.2', max: 'tls1.2' }, tlsCipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'] };

export default function () {
  const r = http.get(`https://${__ENV.HTTPS}/json`);
  console.log(r.status, r.proto, r.tls_version, r.tls_cipher_suite, r.tls_version === http.TLS_1_2);
}
