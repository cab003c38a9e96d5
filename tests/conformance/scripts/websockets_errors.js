// words: failed to process \[blobParts\]: .*|a Blob is made of .*
// words: unsupported send type .*|send\(\) takes a text, a buffer or a Blob, not .*
import { WebSocket, Blob } from 'k6/websockets';

const url = `ws://${__ENV.WS}/echo`;
function attempt(f) {
  try {
    f();
    console.log('went well');
  } catch (e) {
    console.log(String(e));
  }
}

export default function () {
  attempt(() => new WebSocket());
  attempt(() => new WebSocket('nonsense'));
  attempt(() => new WebSocket('http://127.0.0.1/'));
  attempt(() => new WebSocket(`${url}#fragment`));
  attempt(() => new WebSocket(url, null, { unknown: 1 }));
  attempt(() => new WebSocket(url, null, { compression: 'gzip' }));
  attempt(() => new WebSocket(url, null, { tags: { a: {} } }));
  attempt(() => new Blob([5]));
  const socket = new WebSocket(url);
  attempt(() => socket.send('too early'));
  attempt(() => { socket.binaryType = 'text'; });
  attempt(() => { socket.onopen = 5; });
  attempt(() => socket.addEventListener('nothing', () => {}));
  socket.addEventListener('open', () => {
    for (const value of [5, 1.5, true, {}, [1], undefined]) attempt(() => socket.send(value));
    attempt(() => socket.close(5));
    attempt(() => socket.close(1001));
    attempt(() => socket.close(3000));
    attempt(() => socket.send('too late'));
  });
  socket.onclose = (event) => console.log(event.code);
}
