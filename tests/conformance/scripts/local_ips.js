// flags: --local-ips=127.0.0.2-127.0.0.3
import http from 'k6/http';
import exec from 'k6/execution';

export const options = { scenarios: { all: { executor: 'per-vu-iterations', vus: 2, iterations: 1 } } };

export default function () {
  console.log(http.get(`${__ENV.BASE}/peer`).body !== '127.0.0.1', exec.vu.idInTest > 0);
}
