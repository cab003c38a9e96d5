// flags: --execution-segment 0.7:1 --execution-segment-sequence 0,0.5,0.7,1
import exec from 'k6/execution';
export const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 5, iterations: 3 } } };
export default function () { console.log(exec.scenario.iterationInTest); }
