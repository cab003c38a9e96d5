// A chat over a gRPC stream in both directions: what is said comes back, and how long each message takes is a metric.
//   ADDRESS=127.0.0.1:50051 gauntlet run test/examples/grpc_chat.js
import grpc from 'k6/net/grpc';
import { check } from 'k6';
import { Trend } from 'k6/metrics';

const address = __ENV.ADDRESS || '127.0.0.1:50051';
const client = new grpc.Client();
client.load(null, 'chat.proto');  // beside this script
const roundTrip = new Trend('chat_round_trip', true);

export const options = {
  scenarios: { chats: { executor: 'constant-vus', vus: 3, duration: __ENV.DURATION || '10s' } },
  thresholds: { checks: ['rate>0.99'], chat_round_trip: ['p(95)<200'] },
};

const lines = ['hello', 'how are you?', 'goodbye'];

export default function () {
  if (__ITER === 0) client.connect(address, { plaintext: true });
  const stream = new grpc.Stream(client, 'chat.Chat/Talk');
  const user = `user-${__VU}`;
  let heard = 0;
  let saidAt = 0;
  const say = () => {
    saidAt = Date.now();
    stream.write({ user, text: lines[heard] });
  };
  stream.on('data', (message) => {
    roundTrip.add(Date.now() - saidAt);
    check(message, { 'hears what was said': (m) => m.user === user && m.text === lines[heard] });
    heard += 1;
    if (heard < lines.length) say();
    else stream.end();
  });
  stream.on('error', (error) => check(error, { 'no error': () => false }));
  stream.on('end', () => check(heard, { 'heard all': (n) => n === lines.length }));
  say();
}
