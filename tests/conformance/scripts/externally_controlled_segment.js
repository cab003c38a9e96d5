// flags: --execution-segment 0:1/2
import { sleep } from 'k6';
export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 4, maxVUs: 6, duration: '1s' } } };
export default function () { console.log('begins'); sleep(5); }
