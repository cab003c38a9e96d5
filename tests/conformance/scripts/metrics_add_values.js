import { Counter, Rate, Trend, Gauge } from 'k6/metrics';
const c = new Counter('c_total'), r = new Rate('r_rate'), t = new Trend('t_trend'), g = new Gauge('g_gauge');
export default function () {
  c.add(true); c.add(2.5); r.add(true); r.add(0); r.add(2); t.add('3'); g.add(-1); g.add(5); g.add(2);
  console.log(c.add(NaN), c.add(null), c.add('text'));
}
