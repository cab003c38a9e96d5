import http from 'k6/http';
export default function () {
  const r = http.get(`${__ENV.BASE}/json`);
  const first = r.json();
  first.added = 5;
  first.deep.a.changed = 'yes';
  delete first.pi;
  const second = r.json();
  console.log(second.added, second.deep.a.changed, second.pi, Object.keys(second).sort().join());
  console.log(r.json('added'), r.json('pi'), JSON.parse(r.body).added, r.json().deep.a.b[1]);
}
