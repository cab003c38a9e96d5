// words: json: unknown field .*|scenario .* does not know
export const options = { scenarios: { a: { executor: 'shared-iterations', nope: 1 } } };
export default function () {}
