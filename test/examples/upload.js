// Uploads 50 MB as a file of a form. The bytes are made once a virtual user and sent as fast as the server takes them; the answer to a
// request says how long that was (timings.sending).
//   BASE_URL=http://127.0.0.1:8000 SIZE_MB=50 gauntlet run test/examples/upload.js
import http from 'k6/http';
import crypto from 'k6/crypto';
import { check } from 'k6';
import { Trend } from 'k6/metrics';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';
const bytes = new Uint8Array(Number(__ENV.SIZE_MB || 50) * 1024 * 1024);
for (let at = 0; at < bytes.length; at += 4096) bytes[at] = at >> 12;
const sum = crypto.sha256(bytes.buffer, 'hex');
const speed = new Trend('upload_mb_per_s');

export const options = { scenarios: { uploads: { executor: 'per-vu-iterations', vus: 2, iterations: 2, maxDuration: '5m' } } };

export default function () {
  const form = { title: 'large', file: http.file(bytes.buffer, 'large.bin', 'application/octet-stream') };
  const answer = http.post(`${base}/upload`, form, { timeout: '2m', tags: { name: 'upload' } });
  check(answer, {
    'accepted': (r) => r.status === 201,
    'all bytes came': (r) => r.json('size') === bytes.length && r.json('sha256') === sum,
  });
  speed.add(bytes.length / 1e6 / (Math.max(answer.timings.sending + answer.timings.waiting, 1) / 1e3));
}
