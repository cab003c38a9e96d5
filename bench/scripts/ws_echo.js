// A WebSocket session of 100 echoes: what a message each way costs the load generator.
import ws from 'k6/ws';
export default function () {
  let count = 0;
  ws.connect(__ENV.WS_URL, (socket) => {
    socket.on('open', () => socket.send('a message of some thirty bytes'));
    socket.on('message', () => {
      if (++count === 100) socket.close();
      else socket.send('a message of some thirty bytes');
    });
  });
}
