import { sleep } from 'k6';
export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 2, duration: '2s' } } };
export default function () { sleep(5); }
