export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 3, iterations: 10 } } };
export default function () {}
