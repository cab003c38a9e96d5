import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const r = client.invoke('conformance.Greeter/Fail', { code: 9 });
  console.log(r.status === grpc.StatusFailedPrecondition, r.error.code, r.error.message, JSON.stringify(r.error.details), r.message.greeting === '');
  for (const bad of [['conformance.Greeter/Nope', {}], ['conformance.Greeter/Say', { zzz: 1 }], ['conformance.Greeter/Say', {}, { foo: 1 }]]) {
    try { client.invoke(...bad); console.log('no error'); } catch (e) { console.log(String(e).replace(/\u00a0/g, ' ')); }
  }
  try { new grpc.Client().connect('127.0.0.1:1', { plaintext: true, timeout: '1s' }); } catch (e) { console.log(String(e)); }
}
