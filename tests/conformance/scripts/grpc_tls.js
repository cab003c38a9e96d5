// words: <nil>|undef\w*
import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');

const pem = (name) => open(`${__ENV.PROTOS}/${name}`);
const authority = pem('ca.pem');
const pair = { cert: pem('client.pem'), key: pem('client.key') };

export default function () {
  client.connect(__ENV.GRPCTLS, { tls: { cacerts: authority } });
  console.log(client.invoke('conformance.Greeter/Say', { name: 'secret' }).message.greeting);
  client.close();
  client.connect(__ENV.GRPCMTLS, { tls: { cacerts: [authority], ...pair } });
  console.log(client.invoke('conformance.Greeter/Say', { name: 'both' }).message.greeting);
  client.close();
  for (const [server, tls] of [[__ENV.GRPCTLS, undefined], [__ENV.GRPCTLS, { cacerts: 'nonsense' }], [__ENV.GRPCTLS, { cert: 'nonsense' }]]) {
    try {
      client.connect(server, { tls, timeout: '1s' });
      console.log('connected');
    } catch (e) {
      console.log(e.message.slice(0, 60));
    }
  }
}
