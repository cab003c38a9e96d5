// better: points: k6 records nothing of a call that times out
// better: exported fields: as above
// better: summary: as above
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const r = client.invoke('conformance.Greeter/Slow', {}, { timeout: '200ms' });
  // "context deadline exceeded", or "Deadline Exceeded" where the server was first.
  console.log(r.status === grpc.StatusDeadlineExceeded, /deadline exceeded/i.test(r.error.message));
}
