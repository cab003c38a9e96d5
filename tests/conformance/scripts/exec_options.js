import exec from 'k6/execution';
export const options = { vus: 2, iterations: 4, tags: { t: '1' } };
export function setup() { console.log(exec.test.options.scenarios.default.executor, exec.test.options.scenarios.default.vus, JSON.stringify(exec.test.options.tags)); }
export default function () {}
