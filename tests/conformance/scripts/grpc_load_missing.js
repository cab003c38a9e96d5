import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load(['.'], 'absent.proto');
export default function () {}
