import exec from 'k6/execution';
export const options = { scenarios: { main: { executor: 'per-vu-iterations', vus: 1, iterations: 2, tags: { team: 'red' }, env: { E: 'v' } } } };
export default function () {
  console.log(exec.vu.idInTest, exec.vu.iterationInInstance, exec.vu.iterationInScenario, exec.scenario.name, exec.scenario.executor, exec.scenario.iterationInTest, exec.instance.vusActive, __ENV.E, __VU, __ITER);
  exec.vu.metrics.tags.mine = 'yes';
  console.log(exec.vu.metrics.tags.scenario, exec.vu.metrics.tags.mine, exec.vu.metrics.tags.team);
}
