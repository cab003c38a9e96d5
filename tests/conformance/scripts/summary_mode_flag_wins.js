// flags: --summary-mode=full --iterations 1
// environment: K6_SUMMARY_MODE=disabled
import { check } from 'k6';
export default function () { check(1, { yes: true }); }
