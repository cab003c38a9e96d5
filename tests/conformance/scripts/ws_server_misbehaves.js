import ws from 'k6/ws';

export default function () {
  for (const path of ['drop', 'broken', 'fragments', 'large/200000', 'push/3']) {
    const seen = [];
    const answer = ws.connect(`ws://${__ENV.WS}/${path}`, null, (socket) => {
      socket.on('message', (text) => {
        seen.push(text.length > 100 ? text.length : text);
        if (path !== 'push/3') socket.close();
      });
      socket.on('close', (code) => seen.push(code));
      socket.on('error', (e) => seen.push(e.error()));
    });
    console.log(path, answer.status, JSON.stringify(seen), answer.error);
  }
}
