// flags: --summary-trend-stats p(99.9),p(99.99),count,min
import { Trend } from 'k6/metrics';
const t = new Trend('tt');
export default function () { for (let i = 0; i < 1000; i++) t.add(i); }
