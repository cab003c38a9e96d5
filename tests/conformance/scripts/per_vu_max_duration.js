import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 2, iterations: 3, maxDuration: '1s', gracefulStop: '2s' } }, thresholds: { dropped_iterations: ['count==4'], iterations: ['count==2'] } };
export default function () { sleep(1.3); }
