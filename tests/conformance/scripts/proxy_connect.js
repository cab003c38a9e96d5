// environment: HTTPS_PROXY=http://user:secret@127.0.0.1:<proxy>
// flags: --insecure-skip-tls-verify
import http from 'k6/http';
import ws from 'k6/ws';

export default function () {
  const r = http.get(`https://private.test:${__ENV.HTTPS.split(':')[1]}/json`);
  console.log(r.status, r.proto, r.json('ok'));
  console.log(http.get(`https://private.test:${__ENV.H2.split(':')[1]}/json`).proto);
  ws.connect(`wss://private.test:${__ENV.WSS.split(':')[1]}/echo`, (socket) => {
    socket.on('open', () => socket.send('through'));
    socket.on('message', (text) => {
      console.log(text);
      socket.close();
    });
  });
}
