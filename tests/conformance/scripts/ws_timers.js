import ws from 'k6/ws';

export default function () {
  const seen = [];
  ws.connect(`ws://${__ENV.WS}/echo`, (socket) => {
    let count = 0;
    socket.on('open', () => {
      socket.setTimeout(() => seen.push('timeout'), 150);
      socket.setInterval(() => {
        seen.push('interval');
        if (++count === 3) socket.close();
      }, 100);
    });
    socket.on('close', () => seen.push('close'));
  });
  console.log(seen.join());
}
