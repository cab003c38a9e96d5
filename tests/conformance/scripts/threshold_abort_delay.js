// better: points: the number of iterations depends on timing
import { sleep } from 'k6';
import { Rate } from 'k6/metrics';
const r = new Rate('rr');
export const options = { scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '3s', gracefulStop: '0s' } }, thresholds: { rr: [{ threshold: 'rate>0.5', abortOnFail: true, delayAbortEval: '10s' }] } };
export default function () { r.add(false); sleep(1.2); }
