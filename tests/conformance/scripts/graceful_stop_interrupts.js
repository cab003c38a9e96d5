// better: log: k6 may still run what follows the interrupted sleep
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '0.2s' } }, thresholds: { iterations: ['count==0'] } };
export default function () { sleep(5); console.log('never'); }
