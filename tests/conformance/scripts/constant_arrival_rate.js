// better: points: k6 races for the start that falls on the deadline
// better: exported fields: as above
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 20, duration: '1s', preAllocatedVUs: 5 } }, thresholds: { iterations: ['count>=20', 'count<=21'], dropped_iterations: ['count==0'] } };
export default function () { sleep(0.05); }
