// flags: --stage 1s:2 --stage 500ms:0
import { sleep } from 'k6';
export default function () { sleep(0.3); }
