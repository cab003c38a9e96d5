import ws from 'k6/ws';

export default function () {
  const seen = [];
  ws.connect(`ws://${__ENV.WS}/echo`, (socket) => {
    socket.on('open', () => socket.ping());
    socket.on('pong', () => {
      seen.push('pong');
      socket.close();
    });
  });
  ws.connect(`ws://${__ENV.WS}/ping`, (socket) => {
    socket.on('ping', () => seen.push('ping'));
    socket.on('message', (text) => {
      seen.push(text);
      socket.setTimeout(() => socket.close(), 50);
    });
  });
  console.log(seen.sort().join());
}
