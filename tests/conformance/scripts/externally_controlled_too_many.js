export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 5, maxVUs: 2, duration: '500ms' } } };
export default function () {}
