import { check } from 'k6';
export const options = { scenarios: {
  a: { executor: 'shared-iterations', iterations: 4, tags: { kind: 'x' } },
  b: { executor: 'shared-iterations', iterations: 2, tags: { kind: 'y' } } },
  thresholds: { 'checks{kind:x}': ['rate>0.4'], 'checks{kind:y}': ['rate==1'], 'iterations{scenario:b}': ['count==2'] } };
let n = 0;
export default function () { n++; check(n, { odd: (v) => v % 2 === 1 }); }
