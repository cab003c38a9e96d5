// better: points: the time of a stream that ran into its timeout is recorded; k6 leaves it out
// better: exported fields: as above
// better: summary: as above
import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const stream = new grpc.Stream(client, 'conformance.Greeter/Hold', { timeout: '500ms' });
  stream.on('data', (message) => console.log(message.greeting));
  stream.on('error', (e) => console.log('error', e.code === grpc.StatusDeadlineExceeded));
  stream.on('end', () => {
    console.log('end');
    client.close();
  });
  stream.write({});
}
