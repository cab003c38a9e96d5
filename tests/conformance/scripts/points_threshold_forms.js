import { Counter } from 'k6/metrics';
const names = ['plain', 'object', 'patient', 'prompt', 'both'];
const counters = names.map((name) => new Counter(name));
export const options = { thresholds: {
  plain: ['count<9'],
  object: [{ threshold: 'count<9' }, { threshold: 'count<8', abortOnFail: false, delayAbortEval: '90s' }],
  patient: [{ threshold: 'count<9', abortOnFail: true, delayAbortEval: '90s' }],
  prompt: [{ threshold: 'count<9', abortOnFail: true, delayAbortEval: '0s' }],
  both: ['count<9', { threshold: 'count<8', abortOnFail: true, delayAbortEval: 1500 }],
} };
export default function () { counters.forEach((counter) => counter.add(1)); }
