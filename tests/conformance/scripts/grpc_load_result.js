import grpc from 'k6/net/grpc';
const client = new grpc.Client();
const methods = client.load([__ENV.PROTOS], 'conformance.proto');
export default function () { console.log(JSON.stringify(methods)); }
