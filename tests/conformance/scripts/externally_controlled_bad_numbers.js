export const options = { scenarios: { s: { executor: 'externally-controlled', vus: -1, maxVUs: -2, duration: '-1s', gracefulStop: '-1s', startTime: '-1s', exec: 'nope' } } };
export default function () {}
