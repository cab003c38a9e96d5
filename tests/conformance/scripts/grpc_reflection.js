// better: points: the calls of reflection itself are no load; k6 counts the one that the server does not know
import grpc from 'k6/net/grpc';

const client = new grpc.Client();

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true, reflect: true, reflectMetadata: { 'x-reflect': '1' } });
  const r = client.invoke('conformance.Greeter/Say', { name: 'reflected' });
  console.log(r.status === grpc.StatusOK, r.message.greeting);
  const e = client.invoke('conformance.Greeter/Echo', { inner: { text: 't' }, counts: { a: 1 }, left: 'l' });
  console.log(e.message.inner.text, e.message.counts.a, e.message.left);
  client.close();
}
