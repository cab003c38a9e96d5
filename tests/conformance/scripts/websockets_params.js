import { WebSocket } from 'k6/websockets';
import http from 'k6/http';

function shown(protocols, params, path = 'headers') {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${__ENV.WS}/${path}`, protocols, params);
    socket.onmessage = (event) => {
      console.log(event.data, socket.protocol);
      socket.close();
    };
    socket.onclose = () => resolve();
  });
}

export default async function () {
  await shown(null, { headers: { 'X-One': '1' }, compression: 'deflate' });
  http.cookieJar().set(`http://${__ENV.WS}/`, 'standing', 'jar');
  await shown(null, { tags: { name: 'named' } });
  await shown(['first', 'second'], {}, 'protocol');
  await shown('only', {}, 'protocol');
}
