import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  console.log(client.invoke('conformance.Greeter/Meta', {}, { metadata: { 'x-a': '1', 'X-B': 'two' }, tags: { mine: 't' } }).message.greeting);
}
