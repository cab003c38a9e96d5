import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const stream = new grpc.Stream(client, 'conformance.Greeter/Sum');
  stream.on('data', (message) => console.log(message.big));
  stream.on('end', () => client.close());
  for (const code of [1, 2, 39]) stream.write({ code });
  stream.end();
}
