import { sleep } from 'k6';
export default function () { const t = Date.now(); sleep(0.1); sleep(0); const took = Date.now() - t; console.log(took >= 99, took < 300); }
