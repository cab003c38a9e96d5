import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  console.log(client.invoke('conformance.Greeter/Say', {}, { discardResponseMessage: true }).message);
}
