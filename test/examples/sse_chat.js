// A chat whose answers come as server-sent events, word by word, as language models send them. Each event is read while the stream is
// open; sse_time_to_first_event and sse_time_between_events are recorded on their own.
//   BASE_URL=http://127.0.0.1:8000 gauntlet run test/examples/sse_chat.js
import http from 'k6/http';
import { check } from 'k6';
import { Trend } from 'k6/metrics';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';
const words = new Trend('chat_words');

export const options = {
  scenarios: { chats: { executor: 'constant-vus', vus: 3, duration: __ENV.DURATION || '10s' } },
  thresholds: { checks: ['rate>0.99'], sse_time_to_first_event: ['p(95)<1000'], sse_time_between_events: ['p(95)<200'] },
  jsonBodies: true,
};

export default function () {
  const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
  const question = { messages: [{ role: 'user', content: `say five words to user ${__VU}` }], stream: true };
  // timeout: until the answer's head, and then for each wait for more of it.
  const answer = http.post(`${base}/chat`, question, { headers, responseType: 'stream', timeout: '30s', tags: { name: 'chat' } });
  const opened = check(answer, { 'is a stream of events': (r) => r.status === 200 && r.headers['Content-Type'].startsWith('text/event-stream') });
  if (!opened) return;
  const said = [];
  let isDone = false;
  for (const event of answer.body.events()) {
    isDone = event.data === '[DONE]';
    if (isDone) break;  // closes the stream, which this server would keep open
    said.push(JSON.parse(event.data).delta);
  }
  check(said, { 'says something': (all) => all.join('').length > 0, 'ends as it should': () => isDone });
  words.add(said.length);
}
