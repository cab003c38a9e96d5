import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const stream = new grpc.Stream(client, '/conformance.Greeter/Chat', { metadata: { 'x-a': 'b' } });
  let said = 0;
  stream.on('data', (message) => {
    console.log(message.greeting);
    if (++said < 3) stream.write({ name: `${said}` });
    else stream.end();
  });
  stream.on('end', () => client.close());
  stream.write({ name: 'first' });
}
