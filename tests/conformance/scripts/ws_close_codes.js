import ws from 'k6/ws';

export default function () {
  for (const code of [1000, 1001, 1008, 1011, 3000, 4999]) {
    const seen = [];
    ws.connect(`ws://${__ENV.WS}/close/${code}`, null, (socket) => {
      socket.on('open', () => seen.push('open'));
      socket.on('close', (c) => seen.push(c));
      socket.on('error', (e) => seen.push(e.error()));
    });
    console.log(code, JSON.stringify(seen));
  }
  for (const code of [1000, 4005]) {
    const seen = [];
    ws.connect(`ws://${__ENV.WS}/echo`, null, (socket) => {
      socket.on('open', () => {
        socket.close(code);
        socket.send('too late');
        socket.close();
      });
      socket.on('close', (c) => seen.push(c));
      socket.on('error', (e) => seen.push(e.error()));
    });
    console.log('ours', code, JSON.stringify(seen));
  }
}
