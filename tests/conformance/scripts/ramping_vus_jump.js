import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'ramping-vus', startVUs: 0, stages: [{ duration: '0s', target: 3 }, { duration: '1s', target: 3 }], gracefulStop: '3s' } } };
export default function () { sleep(1.4); console.log('done'); }
