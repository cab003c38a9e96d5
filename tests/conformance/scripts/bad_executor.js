// words: (scenario 'a': )?unknown executor type .*
export const options = { scenarios: { a: { executor: 'nope' } } };
export default function () {}
