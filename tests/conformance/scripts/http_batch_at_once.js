import http from 'k6/http';
export const options = { batch: 2 };
export default function () {
  const seen = http.batch([1, 2, 3, 4].map(() => `${__ENV.BASE}/meet/2`)).map((r) => r.body);
  console.log(seen.join());
}
