import { sleep } from 'k6';
export const options = { setupTimeout: '300ms' };
export function setup() { sleep(2); }
export default function () {}
