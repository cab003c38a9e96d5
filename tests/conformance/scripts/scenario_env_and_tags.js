import exec from 'k6/execution';
import { check } from 'k6';
export const options = { scenarios: {
  a: { executor: 'per-vu-iterations', env: { WHO: 'a' }, tags: { kind: 'x' }, exec: 'go' },
  b: { executor: 'per-vu-iterations', env: { WHO: 'b' }, tags: { kind: 'y', more: '1' }, exec: 'go', startTime: '0.2s' } } };
export function go() { console.log(__ENV.WHO, exec.scenario.name); check(0, { [`ran ${__ENV.WHO}`]: () => true }); }
