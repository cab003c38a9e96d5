import { sleep } from 'k6';
import exec from 'k6/execution';
export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 2, maxVUs: 4, duration: '2s', startTime: '500ms', tags: { a: 'b' }, env: { A: 'b' } } } };
export default function () {
  if (exec.vu.iterationInScenario === 0) console.log(exec.scenario.name, exec.scenario.executor, exec.instance.vusInitialized, __ENV.A);
  sleep(0.45);
}
