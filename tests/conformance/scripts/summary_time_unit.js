// flags: --summary-time-unit ms
import { Trend } from 'k6/metrics';
const t = new Trend('t', true);
export default function () { t.add(1234.5678); }
