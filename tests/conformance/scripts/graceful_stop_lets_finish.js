import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '3s' } } };
export default function () { sleep(1.5); console.log('finished'); }
