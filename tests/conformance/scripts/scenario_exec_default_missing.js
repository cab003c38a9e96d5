export const options = { scenarios: { a: { executor: 'shared-iterations', exec: 'go' } } };
export function go() { console.log('went'); }
