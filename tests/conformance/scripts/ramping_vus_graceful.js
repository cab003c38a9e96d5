import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'ramping-vus', startVUs: 2, stages: [{ duration: '500ms', target: 0 }], gracefulRampDown: '0s' } } };
export default function () { sleep(5); }
