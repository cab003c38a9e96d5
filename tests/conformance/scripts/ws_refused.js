// better: points: the password of a URL is ****:**** in tags, as in those of HTTP
import ws from 'k6/ws';

export default function () {
  for (const url of [`ws://${__ENV.WS}/reject`, 'ws://127.0.0.1:1/', `http://${__ENV.WS}/`, 'nonsense', `ws://user:pass@${__ENV.WS}/echo`]) {
    const answer = ws.connect(url, null, () => console.log('must not be called'));
    console.log(answer.url, answer.status, answer.body, answer.error, answer.headers['X-Why']);
  }
}
