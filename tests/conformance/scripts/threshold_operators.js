// better: summary: k6 takes the ! of != for a part of the aggregate's name
import { Trend, Gauge, Counter, Rate } from 'k6/metrics';
const t = new Trend('tt'); const g = new Gauge('gg'); const c = new Counter('cc'); const r = new Rate('rr');
export const options = { thresholds: {
  tt: ['avg==2', 'avg===2', 'min<=1', 'max>=3', 'med!=5', 'p(50)==2', 'p(99.9)>2.9'], gg: ['value==7', 'value!=8'], cc: ['count==2', 'count<3', 'rate>0'], rr: ['rate==0.5', 'rate<0.6'] } };
export default function () { for (const v of [1, 2, 3]) t.add(v); g.add(9); g.add(7); c.add(1); c.add(1); r.add(true); r.add(false); }
