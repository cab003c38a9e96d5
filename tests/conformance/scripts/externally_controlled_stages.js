export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 1, maxVUs: 3, duration: '1s', stages: [] } } };
export default function () {}
