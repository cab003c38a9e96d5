
import grpc from 'k6/net/grpc';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
const c = new grpc.Client();
export default async function () {
  t(() => c.connect(__ENV.SERVER, { plaintext: true, reflect: true, timeout: '1s', reflectMetadata: { a: 'b' }, maxReceiveSize: 100000 }));
  const r = t(() => c.invoke('grpc.health.v1.Health/Check', { service: '' }, { metadata: { a: 'b', 'x-bin': new Uint8Array(2) }, tags: { a: 'b' }, timeout: 1000 }));
  t(() => JSON.stringify(r)); t(() => r.message.status); t(() => Object.keys(r)); t(() => r.headers); t(() => r.trailers); t(() => { r.message = 1; r.none = 2; });
  t(() => JSON.stringify(c.invoke('grpc.health.v1.Health/Check', { service: 'nobody' }))); t(() => c.invoke('grpc.health.v1.Health/Check', { zzz: 1 })); t(() => c.invoke('no/Method', {})); t(() => c.healthCheck()); t(() => c.healthCheck('x'));
  try { const a = await c.asyncInvoke('grpc.health.v1.Health/Check', {}, { discardResponseMessage: true }); t(() => a.status); } catch (e) { t(() => String(e)); }
  t(() => {
    const s = new grpc.Stream(c, 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo', { tags: { a: 'b' } });
    s.on('data', (d) => { t(() => JSON.stringify(d)); }); s.on('error', (e) => { t(() => String(e) + e.error()); }); s.on('end', () => {});
    s.write({ listServices: '' }); s.write({ fileContainingSymbol: 'grpc.health.v1.Health' }); s.write({ nothing: 1 }); s.end();
  });
  await 0;
  try { await new Promise((ok) => setTimeout(ok, 5)); } catch (e) {}
  t(() => c.close());
}
