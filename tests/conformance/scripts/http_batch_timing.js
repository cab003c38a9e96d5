import http from 'k6/http';
export const options = { batch: 2 };
export default function () {
  const began = Date.now();
  http.batch([1, 2, 3, 4].map(() => `${__ENV.BASE}/delay/0.1`));
  const took = Date.now() - began;
  console.log(took >= 190);
}
