// flags: --insecure-skip-tls-verify
import ws from 'k6/ws';
import { WebSocket } from 'k6/websockets';

export default function () {
  ws.connect(`wss://${__ENV.WSS}/echo`, (socket) => {
    socket.on('open', () => socket.send('secret'));
    socket.on('message', (text) => {
      console.log(text);
      socket.close();
    });
  });
  const socket = new WebSocket(`wss://${__ENV.WSS}/echo`);
  socket.onopen = () => socket.send('secret, too');
  socket.onmessage = (event) => {
    console.log(event.data);
    socket.close();
  };
}
