// better: points: the number dropped depends on timing
// better: log: the warning is given once a thread of k6 noticed it
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 10, duration: '1s', preAllocatedVUs: 1, gracefulStop: '3s' } }, thresholds: { dropped_iterations: ['count>=8'] } };
export default function () { sleep(2); }
