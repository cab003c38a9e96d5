// flags: --execution-segment 1/2 --vus 4 --iterations 9
import exec from 'k6/execution';
export default function () { console.log(exec.scenario.iterationInTest, exec.scenario.iterationInInstance); }
