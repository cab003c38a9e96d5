import { sleep } from 'k6';
import exec from 'k6/execution';
export const options = { scenarios: { a: { executor: 'ramping-vus', startVUs: 1, stages: [{ duration: '500ms', target: 1 }, { duration: '0s', target: 0 }, { duration: '500ms', target: 0 }, { duration: '0s', target: 1 }, { duration: '300ms', target: 1 }] } } };
export default function () { console.log(exec.vu.iterationInScenario); sleep(0.2); }
