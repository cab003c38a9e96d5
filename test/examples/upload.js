// Uploads a file: as a part of a form, and as it is. Its bytes are in memory once, however many virtual users send them; the answer to a
// request says how long that was (timings.sending).
//   head -c 50M /dev/urandom > large.bin
//   BASE_URL=http://127.0.0.1:8000 FILE=$PWD/large.bin gauntlet run test/examples/upload.js
import http from 'k6/http';
import { open } from 'k6/experimental/fs';
import { check } from 'k6';
import { Trend } from 'k6/metrics';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';
const file = await open(__ENV.FILE || 'large.bin');
const { size } = await file.stat();
const speed = new Trend('upload_mb_per_s');

export const options = { scenarios: { uploads: { executor: 'per-vu-iterations', vus: 4, iterations: 1, maxDuration: '5m' } } };

function note(answer) {
  check(answer, {
    'accepted': (r) => r.status === 201,
    'all bytes came': (r) => r.json('size') === size && (!__ENV.SHA256 || r.json('sha256') === __ENV.SHA256),
  });
  speed.add(size / 1e6 / (Math.max(answer.timings.sending + answer.timings.waiting, 1) / 1e3));
}

export default function () {
  const form = { title: 'large', file: http.file(file, 'large.bin', 'application/octet-stream') };
  note(http.post(`${base}/upload`, form, { timeout: '2m', tags: { name: 'form' } }));
  note(http.put(`${base}/upload`, file, { timeout: '2m', tags: { name: 'raw' }, headers: { 'Content-Type': 'application/octet-stream' } }));
}
