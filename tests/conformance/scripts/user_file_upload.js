// flags: --iterations 1
import http from 'k6/http';
import { check } from 'k6';
import { b64encode } from 'k6/encoding';
import { sha256 } from 'k6/crypto';

const picture = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 1, 2, 3]);

export default function () {
  const form = http.post(`${__ENV.BASE}/echo`, {
    title: 'A "picture"; of ours',
    file: http.file(picture.buffer, 'ours.png', 'image/png'),
  });
  const echoed = form.json();
  const boundary = echoed.headers['content-type'].match(/^multipart\/form-data; boundary=(.+)$/)[1];
  check(echoed, {
    'two parts and an end': ({ body }) => body.split(`--${boundary}`).length === 4,
    'file part names file and type': ({ body }) => /name="file"; filename="ours.png"\r\nContent-Type: image\/png/.test(body),
    'field part': ({ body }) => body.includes('name="title"'),
    'length is told': ({ headers }) => Number(headers['content-length']) > picture.length,
  });
  const raw = http.put(`${__ENV.BASE}/echo`, picture.buffer, { headers: { 'Content-Type': 'application/octet-stream', 'X-Sum': sha256(picture.buffer, 'hex') } });
  check(raw, { 'sum as header': (r) => r.json('headers.x-sum').length === 64 });
  console.log(raw.json('headers.content-length'), raw.json('headers.x-sum'), b64encode(picture.buffer));
  const download = http.get(`${__ENV.BASE}/bytes/5000`, { responseType: 'binary' });
  console.log(download.body.byteLength, new Uint8Array(download.body).every((b) => b === 120), download.headers['Content-Type']);
}
