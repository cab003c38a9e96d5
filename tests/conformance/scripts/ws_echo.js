import ws from 'k6/ws';
import { check } from 'k6';

export default function () {
  const seen = [];
  const answer = ws.connect(`ws://${__ENV.WS}/echo`, { tags: { kind: 'echo' } }, (socket) => {
    socket.on('open', () => socket.send('one'));
    socket.on('message', (text) => {
      seen.push(text);
      if (text === 'one') socket.send('two');
      else socket.sendBinary(new Uint8Array([1, 2, 255]).buffer);
    });
    socket.on('binaryMessage', (data) => {
      seen.push(Array.from(new Uint8Array(data)).join());
      socket.close();
    });
    socket.on('close', (code) => seen.push(code));
    socket.on('error', (e) => seen.push(e.error()));
  });
  check(answer, { 'upgraded': (r) => r.status === 101 && r.error === '' && r.body === '' });
  console.log(JSON.stringify(seen), Object.keys(answer).join(), Object.keys(answer.headers).sort().join());
}
