export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 'x', duration: '1s' } } };
export default function () {}
