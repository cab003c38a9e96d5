// flags: --summary-trend-stats avg,p(99),p(99.99),count,min
import { Trend } from 'k6/metrics';
const t = new Trend('t', true);
export default function () { for (let i = 1; i <= 10; i++) t.add(i * 1000); }
