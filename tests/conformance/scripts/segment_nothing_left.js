// flags: --execution-segment 0.5:0.7 --execution-segment-sequence 0,0.5,0.7,1
export const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 3, iterations: 1 }, b: { executor: 'shared-iterations', vus: 9, iterations: 9, exec: 'b' } } };
export default function () { console.log('never'); }
export function b() { console.log('b'); }
