import { Trend, Counter } from 'k6/metrics';
const t = new Trend('t'), c = new Counter('c');
export const options = { thresholds: { t: ['p(50)>=0', 'p(99.9)<=100', 'avg!=7', 'med===2', ' max < 10 ', 'min>=1.0'], c: ['count==3', 'rate>0'], 'c{a:b}': ['count==1'], "c{a:'q'}": ['count==0'] } };
export default function () { t.add(1); t.add(2); t.add(3); c.add(1, { a: 'b' }); c.add(2); }
