import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/delay/0.2`);
  console.log(r.timings.waiting >= 195, r.timings.waiting < 400, r.timings.duration >= r.timings.waiting, r.timings.looking_up);
}
