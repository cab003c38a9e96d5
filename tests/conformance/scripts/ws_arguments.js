import ws from 'k6/ws';

const url = `ws://${__ENV.WS}/echo`;
function attempt(f) {
  try {
    f();
    console.log('went well');
  } catch (e) {
    console.log(e.message);
  }
}

let refusal;
try {
  ws.connect(url, () => {});
} catch (e) {
  refusal = e.message;
}

export default function () {
  console.log(refusal);
  attempt(() => ws.connect());
  attempt(() => ws.connect(url));
  attempt(() => ws.connect(url, {}));
  attempt(() => ws.connect(url, {}, 5));
  attempt(() => ws.connect(url, { compression: 'gzip' }, (s) => s.close()));
  attempt(() => ws.connect(url, { tags: { a: {} } }, (s) => s.close()));
  attempt(() => ws.connect(url, { unknown: 1 }, (s) => s.close()));
  attempt(() => ws.connect(url, () => { throw new Error('in setup'); }));
  attempt(() => ws.connect(url, (s) => s.on('open', () => { throw new Error('in open'); })));
  attempt(() => ws.connect(url, (s) => s.setTimeout(() => {}, 0)));
  attempt(() => ws.connect(url, (s) => s.setInterval(() => {}, -1)));
  attempt(() => ws.connect(url, (s) => s.on('open', () => s.sendBinary('text'))));
  attempt(() => ws.connect(url, (s) => s.on('open', () => s.sendBinary())));
  attempt(() => ws.connect(url, (s) => { s.on('nothing', () => {}); s.close(); }));
}
