import ws from 'k6/ws';
import http from 'k6/http';

export default function () {
  const shown = (params) => {
    let text;
    ws.connect(`ws://${__ENV.WS}/headers`, params, (socket) => socket.on('message', (m) => {
      text = m;
      socket.close();
    }));
    console.log(text);
  };
  shown(null);
  shown({ headers: { 'X-One': '1', 'User-Agent': 'mine' } });
  shown({ compression: 'deflate' });
  http.cookieJar().set(`http://${__ENV.WS}/`, 'standing', 'jar');
  shown({});
  const jar = new http.CookieJar();
  jar.set(`http://${__ENV.WS}/`, 'own', 'jar');
  shown({ jar });
}
