// better: log: no warning about tlsAuth.domains, which keep their documented meaning here
import http from 'k6/http';

export const options = {
  insecureSkipTLSVerify: true,
  hosts: { 'secure.test': '127.0.0.1' },
  tlsAuth: [{ domains: ['secure.test'], cert: open(`${__ENV.PROTOS}/client.pem`), key: open(`${__ENV.PROTOS}/client.key`) }],
};

export default function () {
  const port = __ENV.MTLS.split(':')[1];
  console.log(http.get(`https://secure.test:${port}/json`).status);
}
