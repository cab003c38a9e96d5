import { WebSocket } from 'k6/websockets';

export default function () {
  const socket = new WebSocket(`ws://${__ENV.WS}/echo`, null, { tags: { kind: 'echo' } });
  console.log(socket.readyState, socket.url.startsWith('ws://'), socket.binaryType, socket.bufferedAmount);
  socket.onopen = (event) => {
    console.log(event.type, Object.keys(event).join(), socket.readyState);
    socket.send('hello');
  };
  socket.addEventListener('message', (event) => {
    console.log(event.type, event.data, Object.keys(event).join(), event.target === socket);
    socket.close(3001, 'mine');
    console.log(socket.readyState);
  });
  socket.onerror = (event) => console.log(event.type, event.error, Object.keys(event).join());
  socket.onclose = (event) => console.log(event.type, event.code, event.reason, Object.keys(event).join(), socket.readyState);
}
