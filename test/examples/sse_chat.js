// A chat whose answers come as server-sent events, word by word, as language models send them: the stream ends with the answer.
// timings.waiting is the time to the first event, timings.receiving that from the first to the last one.
//   BASE_URL=http://127.0.0.1:8000 gauntlet run test/examples/sse_chat.js
import http from 'k6/http';
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';
const toFirst = new Trend('chat_time_to_first_event', true);
const perEvent = new Trend('chat_time_per_event', true);
const events = new Counter('chat_events');

export const options = {
  scenarios: { chats: { executor: 'constant-vus', vus: 3, duration: __ENV.DURATION || '10s' } },
  thresholds: { checks: ['rate>0.99'], chat_time_to_first_event: ['p(95)<1000'] },
  jsonBodies: true,
};

// Events are blocks of lines, an empty line behind each; their data may have several lines.
function parse(text) {
  return text.split(/\r\n\r\n|\n\n/).map((block) => block.split(/\r?\n/).filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart()).join('\n')).filter((data) => data !== '');
}

export default function () {
  const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
  const question = { messages: [{ role: 'user', content: `say five words to user ${__VU}` }], stream: true };
  const answer = http.post(`${base}/chat`, question, { headers, timeout: '60s', tags: { name: 'chat' } });
  const said = parse(answer.body);
  check(answer, {
    'is a stream of events': (r) => r.status === 200 && r.headers['Content-Type'].startsWith('text/event-stream'),
    'ends as it should': () => said[said.length - 1] === '[DONE]',
  });
  const words = said.slice(0, -1).map((data) => JSON.parse(data).delta);
  check(words, { 'says something': (w) => w.join('').length > 0 });
  events.add(words.length);
  toFirst.add(answer.timings.waiting);
  perEvent.add(answer.timings.receiving / Math.max(words.length, 1));
}
