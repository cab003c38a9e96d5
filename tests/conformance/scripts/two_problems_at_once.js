export const options = { scenarios: { a: { executor: 'constant-vus', vus: 0, duration: '10ms' }, b: { executor: 'per-vu-iterations', exec: 'nowhere' } } };
export default function () {}
