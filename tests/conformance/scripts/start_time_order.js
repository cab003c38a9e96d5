export const options = { scenarios: { late: { executor: 'per-vu-iterations', startTime: '700ms' }, early: { executor: 'per-vu-iterations' } } };
let t = Date.now();
export default function () { console.log(__VU); }
