// flags: --execution-segment 0.5:0.7 --execution-segment-sequence 0,0.5,0.7,1 --vus 10 --iterations 33
import exec from 'k6/execution';
export default function () { console.log(exec.scenario.iterationInTest, exec.scenario.iterationInInstance); }
