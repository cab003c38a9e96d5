import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default async function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const [a, b] = await Promise.all([client.asyncInvoke('conformance.Greeter/Say', { name: 'x' }), client.asyncInvoke('conformance.Greeter/Say', { name: 'y' })]);
  console.log(a.message.greeting, b.message.greeting); client.close();
}
