import { check, group } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const c = new Counter('c'), g = new Gauge('g'), r = new Rate('r'), t = new Trend('t', true);
export const options = { thresholds: { c: ['count>0'], 'c{k:v}': ['count>5'] } };
export function setup() { return { s: 1 }; }
export default function () { group('one', () => check(1, { a: true, b: false })); c.add(1, { k: 'v' }); g.add(3); r.add(1); t.add(5); }
export function handleSummary(data) {
  const m = data.metrics, shape = (x) => `${x.type} ${x.contains} ${Object.keys(x.values).sort()} ${JSON.stringify(x.thresholds || null)}`;
  return { stdout: [shape(m.c), shape(m.g), shape(m.r), shape(m.t), shape(m['c{k:v}']), JSON.stringify(data.root_group), JSON.stringify(data.setup_data), Object.keys(data.options).sort().join(), Object.keys(data.state).sort().join()].join('\n') + '\n' };
}
