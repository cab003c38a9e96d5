// USERS users that can do HTTP and wait, beside 1,000 GETs a second of fifty others.
import http from 'k6/http';
import { check, sleep } from 'k6';
const duration = __ENV.DURATION;
export const options = {
  scenarios: {
    idle: { executor: 'constant-vus', vus: Number(__ENV.USERS), duration, gracefulStop: '0s', exec: 'idle' },
    get: { executor: 'constant-arrival-rate', rate: 1000, duration, preAllocatedVUs: 50, exec: 'get' },
  },
};
export function idle() {
  sleep(86400);
}
export function get() {
  check(http.get(`${__ENV.BASE_URL}/small`), { 'status is 200': (r) => r.status === 200 });
}
