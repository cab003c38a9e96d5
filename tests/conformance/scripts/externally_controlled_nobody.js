export const options = { scenarios: { s: { executor: 'externally-controlled', maxVUs: 3, duration: '1s' } } };
export default function () {}
