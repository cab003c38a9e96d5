import http from 'k6/http';

export const options = { batch: 3, batchPerHost: 2 };

export default function () {
  const seen = http.batch(Array(4).fill(`${__ENV.BASE}/meet/2`)).map((r) => r.body);
  console.log(seen.join());
}
