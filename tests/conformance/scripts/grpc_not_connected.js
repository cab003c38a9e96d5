import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () { client.invoke('conformance.Greeter/Say', {}); }
