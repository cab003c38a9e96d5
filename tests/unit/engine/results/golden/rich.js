import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const orders = new Counter('my_orders'); const depth = new Gauge('my_depth'); const hits = new Rate('my_hits');
const lag = new Trend('my_lag', true); const size = new Trend('my_size'); const bytes = new Counter('my_bytes');
const unused = new Trend('never_used');  const bt = new Trend('aaa_first');
export const options = {
  scenarios: {
    main: { executor: 'per-vu-iterations', vus: 2, iterations: 3, maxDuration: '20s', tags: { team: 'red' } },
    extra: { executor: 'shared-iterations', vus: 1, iterations: 2, exec: 'other', startTime: '100ms' },
  },
  thresholds: {
    http_req_duration: ['p(95)<5000', 'avg<4000', 'med>10000', 'count>3'].slice(0,3),
    'http_req_duration{name:list}': [{ threshold: 'p(99)<5000', abortOnFail: true, delayAbortEval: '1s' }],
    'http_req_duration{name:nothing}': ['p(99)<5000'],
    checks: ['rate>0.99'],
    'checks{check:status is 200}': ['rate>0.5'],
    my_orders: ['count>0', 'rate>0.001'], my_depth: ['value<3'], never_used: ['avg<5'],
    'http_req_failed{group:::outer::inner}': ['rate<0.5'],
    'http_reqs{scenario:extra}': ['count>=2'],
    data_received: ['count>100'],
  },
  summaryTrendStats: (__ENV.STATS||'avg,min,med,max,p(90),p(95),p(99.9),count').split(','),
};
if (__ENV.UNIT) options.summaryTimeUnit = __ENV.UNIT;
const B = __ENV.BASE;
export function setup() { group('in setup', () => { http.get(`${B}/json`); check(1, {'setup check': (x)=>x===1}); }); return { token: 't0k', n: 3 }; }
export default function (data) {
  check(1, {'root check': () => true});
  group('outer', function () {
    const r = http.get(`${B}/json?i=${__ITER}`, { tags: { name: 'list' } });
    check(r, { 'status is 200': (x) => x.status === 200, 'has items': (x) => x.json('items.#') === 2 });
    group('inner', function () {
      const e = http.get(http.url`${B}/err?id=${__ITER}`);
      check(e, { 'err ok': (x) => x.status === 200 });
    });
  });
  group('empty group', function () {});
  group('with big', function () { http.get(`${B}/big`); check(__ITER, {'sometimes': (x)=>x!==1}); });
  orders.add(1, { kind: 'a' }); depth.add(__ITER + 5.123456789); hits.add(__ITER === 0); lag.add(12.5+__ITER*1000*61); size.add(1024/3); bytes.add(1234567.8); bt.add(-3.5+__ITER*1e9);
  sleep(0.05);
}
export function other() { group('outer', () => { http.get(`${B}/slow`); check(1, {'in other': ()=>true, 'status is 200': ()=>true}); }); sleep(0.01); }
export function teardown(data) { http.get(`${B}/json`); }
export function handleSummary(data) { console.log('DATA' + JSON.stringify(data)); return undefined; }
