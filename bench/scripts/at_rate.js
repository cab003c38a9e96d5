// RATE iterations a second by an open model on VUS users, each a small GET where BASE_URL is set and LOOPS turns of a loop.
import http from 'k6/http';
export const options = {
  scenarios: { rate: { executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s', duration: __ENV.DURATION, preAllocatedVUs: Number(__ENV.VUS) } },
};
const url = __ENV.BASE_URL && `${__ENV.BASE_URL}/small`;
const loops = Number(__ENV.LOOPS || 0);
export default function () {
  let sum = 0;
  for (let i = 0; i < loops; i++) sum += i;
  if (url) http.get(url);
  return sum;
}
