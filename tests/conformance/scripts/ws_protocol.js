import ws from 'k6/ws';

export default function () {
  ws.connect(`ws://${__ENV.WS}/protocol`, { headers: { 'Sec-WebSocket-Protocol': 'first, second' } }, (socket) => {
    socket.on('message', (text) => {
      console.log(text);
      socket.close();
    });
  });
}
