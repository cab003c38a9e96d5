import exec from 'k6/execution';
export function setup() { exec.test.abort('no use'); }
export default function () { console.log('never'); }
export function teardown() { console.log('teardown'); }
