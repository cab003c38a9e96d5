export const options = { vus: 2, duration: '1s' };
import { sleep } from 'k6';
export default function () { sleep(0.6); }
