import grpc from 'k6/net/grpc';

const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true, maxReceiveSize: 1000, maxSendSize: 500 });
  const large = client.invoke('conformance.Greeter/Large', { code: 2000 }, { tags: { name: 'large' } });
  console.log(large.status === grpc.StatusResourceExhausted, large.error.message.replace(/\d+/g, 'N'));
  const sent = client.invoke('conformance.Greeter/Say', { name: 'x'.repeat(1000) }, { tags: { name: 'sent' } });
  console.log(sent.status === grpc.StatusResourceExhausted, sent.error.message.replace(/\d+/g, 'N'));
  client.close();
}
