// flags: --execution-segment 0:0.5 --execution-segment-sequence 0,0.5,0.7,1
import exec from 'k6/execution';
export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 3, iterations: 10 } } };
export default function () { console.log(exec.scenario.iterationInTest, exec.scenario.iterationInInstance); }
