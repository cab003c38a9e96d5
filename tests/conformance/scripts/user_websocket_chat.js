// flags: --vus 2 --iterations 2
import ws from 'k6/ws';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const heard = new Counter('messages_heard');

export const options = { thresholds: { messages_heard: ['count==8'], ws_connecting: ['p(95)<5000'] } };

export default function () {
  const said = ['hello', 'how are you', JSON.stringify({ type: 'emote', body: 'waves' }), 'bye for now'];
  const got = [];
  const response = ws.connect(`ws://${__ENV.WS}/echo`, { tags: { room: 'lobby' } }, (socket) => {
    socket.on('open', () => {
      let next = 0;
      socket.setInterval(() => {
        if (next < said.length) socket.send(said[next++]);
      }, 5);
    });
    socket.on('message', (message) => {
      heard.add(1);
      got.push(message);
      if (got.length === said.length) socket.close();
    });
    socket.on('error', (e) => console.error(e.error()));
    socket.setTimeout(() => {
      console.error('too slow');
      socket.close();
    }, 20000);
  });
  check(response, { 'status is 101': (r) => r && r.status === 101 });
  check(got, { 'all came back in order': (all) => all.join('|') === said.join('|'), 'emote is JSON': (all) => JSON.parse(all[2]).type === 'emote' });
}
