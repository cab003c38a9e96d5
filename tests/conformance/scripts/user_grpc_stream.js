// flags: --vus 1 --iterations 2
import { Client, Stream, StatusOK } from 'k6/net/grpc';
import { check } from 'k6';
import { Trend } from 'k6/metrics';

const client = new Client();
client.load([__ENV.PROTOS], 'conformance.proto');
const updates = new Trend('updates_per_stream');

export const options = { thresholds: { updates_per_stream: ['min>2'], 'grpc_req_duration{kind:hello}': ['p(95)<5000'] } };

export default async function () {
  if (__ITER === 0) client.connect(__ENV.GRPC, { plaintext: true, timeout: '5s' });
  const hello = client.invoke('conformance.Greeter/Say', { name: 'leaderboard' }, { tags: { kind: 'hello' }, metadata: { 'x-player': 'p1' } });
  check(hello, { 'unary is OK': (r) => r && r.status === StatusOK, 'greets': (r) => r.message.greeting.includes('leaderboard') });

  const seen = await new Promise((resolve, reject) => {
    const messages = [];
    const stream = new Stream(client, 'conformance.Greeter/Chat');
    stream.on('data', (message) => {
      messages.push(message.greeting);
      if (messages.length < 3) stream.write({ name: `update ${messages.length}` });
      else stream.end();
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(messages));
    stream.write({ name: 'subscribe' });
  });
  updates.add(seen.length);
  check(seen, { 'three updates': (all) => all.length === 3 });
  console.log(seen.join('; '));
  if (__ITER === 1) client.close();
}
