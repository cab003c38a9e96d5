// flags: --execution-segment 1/3:2/3 --execution-segment-sequence 0,1/3,2/3,1 --vus 6 --iterations 20
import exec from 'k6/execution';
export default function () { console.log(exec.scenario.iterationInTest, exec.scenario.iterationInInstance); }
