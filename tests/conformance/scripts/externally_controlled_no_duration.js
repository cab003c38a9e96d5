export const options = { scenarios: { s: { executor: 'externally-controlled' } } };
export default function () {}
