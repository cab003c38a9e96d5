import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'ramping-vus', startVUs: 0, stages: [{ duration: '1s', target: 4 }, { duration: '0s', target: 0 }], gracefulRampDown: '3s' } } };
export default function () { sleep(1.6); }
