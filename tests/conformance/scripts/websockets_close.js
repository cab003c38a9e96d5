// words: info: (reject|refused) .*
import { WebSocket } from 'k6/websockets';

function closing(path) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${__ENV.WS}/${path}`);
    const seen = [];
    socket.onerror = (event) => seen.push(event.error);
    socket.onclose = (event) => {
      console.log(path, JSON.stringify([...seen, event.code, event.reason]));
      resolve();
    };
  });
}

export default async function () {
  for (const path of ['close/1000', 'close/1001', 'close/1008', 'close/4999', 'push/2', 'drop', 'broken', 'reject']) await closing(path);
  const refused = new WebSocket('ws://127.0.0.1:1/');
  refused.onerror = (event) => console.log(event.error);
  refused.onclose = (event) => console.log('refused', event.code, refused.readyState);
  const early = new WebSocket(`ws://${__ENV.WS}/echo`);
  early.onopen = () => console.log('must not open');
  early.close();
  early.onclose = (event) => console.log('early', event.code, early.readyState);
}
