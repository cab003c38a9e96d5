
import { WebSocket, Blob } from 'k6/websockets';
import ws from 'k6/ws';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
export default async function () {
  t(() => ws.connect('ws://' + __ENV.SERVER + '/socket', { headers: { A: 'b' }, tags: { a: 'b' } }, (s) => { s.on('open', () => { s.send('a'); s.sendBinary(new ArrayBuffer(3)); s.ping(); s.setTimeout(() => s.close(), 2); }); s.on('message', () => {}); s.on('binaryMessage', () => {}); s.on('error', (e) => t(() => e.error())); s.on('close', () => {}); }));
  const s = t(() => new WebSocket('ws://' + __ENV.SERVER + '/socket', ['p', 'q'], { tags: { a: 'b' }, headers: { B: 'c' } }));
  t(() => { s.binaryType = 'arraybuffer'; s.onopen = () => { s.send('x'); s.send(new Blob(['y'])); s.send(new Uint8Array(2)); s.ping(); }; s.onmessage = () => s.close(1000, 'bye'); s.onerror = (e) => t(() => e.error); s.onclose = () => {}; s.addEventListener('pong', () => {}); });
  t(() => [s.url, s.readyState, s.bufferedAmount, s.extensions, s.protocol, s.binaryType, s.onopen]);
  const b = t(() => new Blob(['abc', new Uint8Array(4), new Blob(['z'])], { type: 't' }));
  t(() => [b.size, b.type, b.slice(1, 2, 'u').size, String(b)]);
  for (const m of ['text', 'arrayBuffer', 'bytes']) try { t(() => 0); await b[m](); } catch (e) { t(() => String(e)); }
  try { for await (const part of b.stream()) part.length; } catch (e) { t(() => String(e)); }
}
