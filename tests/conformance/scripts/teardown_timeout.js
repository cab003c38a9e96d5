import { sleep } from 'k6';
export const options = { teardownTimeout: '1s' };
export default function () { console.log('ran'); }
export function teardown() { sleep(10); }
