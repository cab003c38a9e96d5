export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 1 } } };
export default function () {}
