import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');

function attempt(f) {
  try {
    return f();
  } catch (e) {
    console.log(e.message);
  }
}

export default function () {
  attempt(() => new grpc.Stream(client, 'conformance.Greeter/Count'));
  client.connect(__ENV.GRPC, { plaintext: true });
  attempt(() => new grpc.Stream(client, 'conformance.Greeter/Nothing'));
  attempt(() => new grpc.Stream(client, 'conformance.Greeter/Count', { unknown: 1 }));
  attempt(() => new grpc.Stream());
  const failing = new grpc.Stream(client, 'conformance.Greeter/Count', { tags: { name: 'failing' } });
  failing.on('data', (message) => console.log(message.greeting));
  failing.on('error', (e) => console.log('error', e.code === grpc.StatusResourceExhausted, e.message, Object.keys(e).sort().join()));
  failing.on('end', () => {
    console.log('end of the failing one');
    client.close();
  });
  failing.on('nothing', () => {});
  failing.write({ name: 'fail', code: 1 });
  failing.end();
}
