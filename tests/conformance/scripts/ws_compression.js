import ws from 'k6/ws';

export default function () {
  for (const text of ['short', 'abc'.repeat(50000), '']) {
    ws.connect(`ws://${__ENV.WS}/echo`, { compression: 'deflate' }, (socket) => {
      socket.on('open', () => socket.send(text));
      socket.on('message', (back) => {
        console.log(back === text, back.length);
        socket.close();
      });
    });
  }
}
