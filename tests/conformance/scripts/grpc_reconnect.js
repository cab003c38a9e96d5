// flags: --iterations 3
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
let connected = false;
export default function () {
  if (!connected) { console.log(client.connect(__ENV.GRPC, { plaintext: true })); connected = true; }
  console.log(client.invoke('conformance.Greeter/Say', { name: String(__ITER) }).message.greeting);
}
