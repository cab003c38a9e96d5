// flags: --iterations 4
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const c = new Counter('my_count'), g = new Gauge('my_gauge'), r = new Rate('my_rate'), t = new Trend('my_trend'), d = new Trend('my_time', true);
export const options = {
  thresholds: { my_count: ['count>=8', 'rate>0'], my_gauge: ['value<10'], my_rate: ['rate==0.5'], my_trend: ['avg<3', 'p(90)<100', 'med>=1', 'min==0', 'max<=3'], 'my_count{kind:a}': ['count==4'] },
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(99.9)', 'count'],
};
export default function () {
  c.add(1, { kind: 'a' }); c.add(1, { kind: 'b' });
  g.add(__ITER); r.add(__ITER % 2 === 0); t.add(__ITER); d.add(12.5);
  console.log(c.name, c.add(0));
}
