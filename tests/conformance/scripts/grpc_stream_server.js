import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const stream = new grpc.Stream(client, 'conformance.Greeter/Count', { tags: { kind: 'count' } });
  stream.on('data', (message, about) => console.log(message.greeting, typeof about.ts));
  stream.on('error', (e) => console.log('error', e.code, e.message));
  stream.on('end', () => {
    console.log('end');
    client.close();
  });
  stream.write({ name: 'n', code: 3 });
  stream.end();
}
