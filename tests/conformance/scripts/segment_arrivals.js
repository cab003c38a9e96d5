// better: points: k6 races for the start that falls on the deadline
// better: exported fields: as above
// better: log: as above
// flags: --execution-segment 1/3:2/3 --execution-segment-sequence 0,1/3,2/3,1
export const options = { scenarios: { a: { executor: 'ramping-arrival-rate', startRate: 0, stages: [{ duration: '1s', target: 40 }], preAllocatedVUs: 9 } }, thresholds: { iterations: ['count>=6', 'count<=7'], dropped_iterations: ['count==0'] } };
export default function () {}
