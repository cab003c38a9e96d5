export const options = { scenarios: { a: { executor: 'ramping-arrival-rate', stages: [{ duration: '1s', target: 1 }], preAllocatedVUs: 5, maxVUs: 2 } } };
export default function () {}
