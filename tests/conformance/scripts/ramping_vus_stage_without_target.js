export const options = { scenarios: { a: { executor: 'ramping-vus', stages: [{ duration: '1s' }] } } };
export default function () {}
