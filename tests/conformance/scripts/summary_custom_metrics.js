// better: summary: k6 says 0 for the greatest value of a gauge that was always negative
import { Trend, Gauge, Counter, Rate } from 'k6/metrics';
const t = new Trend('a_time', true); const d = new Trend('plain'); const g = new Gauge('gg'); const c = new Counter('cc'); const r = new Rate('rr');
export default function () { t.add(12.345); d.add(0.5); g.add(-3); c.add(2.5); r.add(1); r.add(0); r.add(0); }
