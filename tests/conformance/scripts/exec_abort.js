import exec from 'k6/execution';
export const options = { iterations: 5 };
export default function () { exec.test.abort('why'); }
export function teardown() { console.log('td ran'); }
