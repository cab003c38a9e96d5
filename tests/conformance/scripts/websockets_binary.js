import { WebSocket, Blob } from 'k6/websockets';

export default async function () {
  const blob = new Blob(['ab', new Uint8Array([99, 100]), new Blob(['ef'])], { type: 'text/plain' });
  console.log(blob.size, blob.type, await blob.text(), await blob.slice(1, 3).text(), String(blob), (await blob.arrayBuffer()).byteLength);
  for (const kind of ['blob', 'arraybuffer']) {
    await new Promise((resolve) => {
      const socket = new WebSocket(`ws://${__ENV.WS}/echo`);
      socket.binaryType = kind;
      socket.onopen = () => socket.send(new Uint8Array([1, 2, 250]).buffer);
      socket.onmessage = async (event) => {
        const bytes = kind === 'blob' ? await event.data.arrayBuffer() : event.data;
        console.log(kind, event.data instanceof ArrayBuffer, Array.from(new Uint8Array(bytes)).join());
        socket.close();
      };
      socket.onclose = () => resolve();
    });
  }
}
