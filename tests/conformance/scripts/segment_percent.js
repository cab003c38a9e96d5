// flags: --execution-segment 70%:100% --execution-segment-sequence 0%,50%,70%,100% --vus 10 --iterations 33
import exec from 'k6/execution';
export default function () { console.log(exec.scenario.iterationInTest, exec.scenario.iterationInInstance); }
