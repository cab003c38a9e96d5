import http from 'k6/http';

export const options = { batch: 3, batchPerHost: 2 };

export default function () {
  const started = Date.now();
  http.batch(Array(4).fill(`${__ENV.BASE}/delay/0.4`));
  const taken = Date.now() - started;
  console.log(taken >= 790);
}
