import exec from 'k6/execution';
import { sleep } from 'k6';
export const options = { vus: 1, iterations: 5 };
export default function () { console.log(exec.scenario.iterationInTest); if (exec.scenario.iterationInTest === 1) exec.test.abort('enough'); }
export function teardown() { console.log('cleaned up'); }
export function handleSummary() { return { stdout: 'summary\n' }; }
