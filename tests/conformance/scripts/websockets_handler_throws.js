import { WebSocket } from 'k6/websockets';

export const options = { iterations: 2 };

export default function () {
  const socket = new WebSocket(`ws://${__ENV.WS}/echo`);
  socket.onopen = () => socket.send('x');
  socket.onmessage = () => { throw new Error('in a handler'); };
}
