export const options = { scenarios: {
  a: { executor: 'per-vu-iterations', env: { WHO: 'a' }, exec: 'go' },
  b: { executor: 'per-vu-iterations', exec: 'go', startTime: '0.5s', gracefulStop: '0s' } } };
export function go() { console.log(String(__ENV.WHO)); __ENV.WHO = 'left'; }
