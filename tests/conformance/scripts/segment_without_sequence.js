// flags: --execution-segment 1/4:1/2 --vus 8 --iterations 8
import exec from 'k6/execution';
export default function () { console.log(exec.scenario.iterationInTest); }
