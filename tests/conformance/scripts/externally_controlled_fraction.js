export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 1, maxVUs: 1.5, duration: '1s' } } };
export default function () {}
