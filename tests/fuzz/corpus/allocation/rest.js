
import exec from 'k6/execution';
import { check, fail, group, randomSeed, sleep } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import { SharedArray } from 'k6/data';
import secrets from 'k6/secrets';
import { open, SeekMode } from 'k6/experimental/fs';
import csv from 'k6/experimental/csv';
import { ReadableStream, WritableStream } from 'k6/experimental/streams';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
const metrics = [new Counter('count'), new Gauge('gauge'), new Rate('rate'), new Trend('trend', true)];
const shared = new SharedArray('s', () => [1, 'x', { a: [{ b: 1 }] }]);
export default async function () {
  for (const m of metrics) { t(() => m.add(1, { a: 'b', c: 1 })); t(() => m.add('x')); }
  t(() => { exec.vu.metrics.tags.a = 'b'; exec.vu.metrics.metadata.m = 1; delete exec.vu.tags.a; return [JSON.stringify(exec.vu.metrics.tags), Object.keys(exec.vu.metrics.metadata)]; });
  t(() => [exec.vu.idInTest, exec.vu.iterationInScenario, exec.instance.vusActive, exec.instance.currentTestRunDuration]); t(() => exec.scenario.name); t(() => exec.test.options); t(() => exec.test.fail('x'));
  t(() => { for (const e of shared) JSON.stringify(e); return [shared.length, shared[2].a[0].b, Object.keys(shared), shared.map((x) => x)]; }); t(() => { shared[0] = 1; });
  t(() => fail('x')); t(() => group('a::b', () => {})); t(() => check({}, { a: Symbol }, { b: {} })); t(() => randomSeed(7)); t(() => Math.random()); t(() => sleep(0));
  t(() => console.log('x', { a: [1, { b: new Date(0) }], f() {}, s: Symbol('y'), e: new Error('z'), u: new Uint8Array(3), m: new Map() }, null, undefined, 1n)); t(() => console.error(new Proxy([], {})));
  t(() => new TextDecoder('utf-8').decode(new TextEncoder().encode('x\u00e9'))); t(() => open('/nothing')); t(() => require('k6')); t(() => [__ENV.SERVER, __VU, __ITER, Object.keys(__ENV)]); t(() => { __ENV = { a: 1 }; });
  for (const f of [() => secrets.get('x'), () => secrets.source('y').get('z'), () => open('/etc/hostname'), () => csv.parse(null, {}), () => new csv.Parser(null), () => import('k6/http')]) try { await f(); } catch (e) { t(() => String(e)); }
  try { await new Promise((ok) => { const i = setInterval((a) => { clearInterval(i); ok(a); }, 1, 2); clearTimeout(setTimeout(() => {}, 5)); }); } catch (e) { t(() => String(e)); }
  try { let n = 0; await new ReadableStream({ pull(c) { if (n++ > 3) c.close(); else c.enqueue(n); } }).pipeTo(new WritableStream({ write() {} })); } catch (e) { t(() => String(e)); }
  try { await Promise.all([1, Promise.resolve(2), Promise.any([Promise.reject(1), 3]), Promise.race([4])]); } catch (e) { t(() => String(e)); }
}
