import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 2, iterations: 7, maxDuration: '1s', gracefulStop: '2s' } }, thresholds: { dropped_iterations: ['count==5'] } };
export default function () { sleep(1.3); }
