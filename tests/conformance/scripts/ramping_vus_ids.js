import exec from 'k6/execution';
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'ramping-vus', startVUs: 0, stages: [{ duration: '1s', target: 3 }, { duration: '0s', target: 0 }], gracefulRampDown: '0s', gracefulStop: '0s' } } };
export default function () { console.log('began', exec.scenario.iterationInTest); sleep(10); }
