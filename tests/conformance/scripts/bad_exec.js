export const options = { scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'zz' } } };
export default function () {}
