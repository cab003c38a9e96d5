import { WebSocket } from 'k6/experimental/websockets';

export const options = { vus: 3, iterations: 6 };

export default function () {
  for (let i = 0; i < 4; i++) {
    const socket = new WebSocket(`ws://${__ENV.WS}/echo`);
    let count = 0;
    socket.onopen = () => socket.send('0');
    socket.onmessage = (event) => {
      if (++count < 5) socket.send(String(Number(event.data) + 1));
      else socket.close();
    };
  }
  setTimeout(() => {}, 10);
}
