// better: points: k6 races for the start that falls on the deadline
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'ramping-arrival-rate', startRate: 10, stages: [{ duration: '1s', target: 30 }], preAllocatedVUs: 5 } }, thresholds: { iterations: ['count>=19', 'count<=20'] } };
export default function () {}
