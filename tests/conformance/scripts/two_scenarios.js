export const options = { scenarios: {
  a: { executor: 'per-vu-iterations', vus: 1, iterations: 2, exec: 'one', tags: { which: 'first' } },
  b: { executor: 'shared-iterations', vus: 2, iterations: 3, exec: 'two', startTime: '500ms', env: { X: '1' } } } };
export function one() { console.log('one', __ENV.X); }
export function two() { console.log('two', __ENV.X); }
