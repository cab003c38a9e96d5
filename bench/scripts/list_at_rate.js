// GET /v1/challenges at RATE a second, whatever the service does; prints the p(99) of its durations.
import http from 'k6/http';
import { check } from 'k6';
export const options = {
  scenarios: { list: { executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s', duration: __ENV.DURATION, preAllocatedVUs: 50 } },
  summaryTrendStats: ['med', 'p(99)'],
  discardResponseBodies: true,
};
export default function () {
  const player = `user-${String(1 + Math.floor(Math.random() * 10000)).padStart(6, '0')}`;
  check(http.get(`${__ENV.BASE_URL}/v1/challenges`, { headers: { 'X-Mock-User-Id': player } }), { answered: (r) => r.status === 200 });
}
