// differs: log: the scenario that starts later gets the VU that has been freed; k6 keeps one apart
export const options = { scenarios: { late: { executor: 'per-vu-iterations', startTime: '700ms' }, early: { executor: 'per-vu-iterations' } } };
let t = Date.now();
export default function () { console.log(__VU); }
