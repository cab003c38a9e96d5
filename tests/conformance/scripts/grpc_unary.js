// flags: --iterations 2
import grpc from 'k6/net/grpc';
import { check } from 'k6';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const r = client.invoke('conformance.Greeter/Say', { name: 'ann' });
  check(r, { ok: (x) => x.status === grpc.StatusOK, loose: (x) => x.status == 0 });
  console.log(r.message.greeting, r.message.big, r.message.kind, r.message.nums.join(), r.message.inner, r.headers['x-init'], r.trailers['x-trail'], r.error);
  client.close();
}
