// A 181 KB GET whose body is left unread, parsed (READ=parse) or walked over (READ=walk).
import http from 'k6/http';
import { check } from 'k6';
const url = `${__ENV.BASE_URL}/large`;
const read = {
  none: () => true,
  parse: (r) => JSON.parse(r.body).challenges.length > 0,
  walk: (r) => {
    let done = 0;
    for (const c of JSON.parse(r.body).challenges) for (const g of c.goals) if (g.status === 'completed' && g.claimedAt === '') done++;
    return done >= 0;
  },
}[__ENV.READ || 'none'];
export default function () {
  const r = http.get(url);
  check(r, { 'read': read });
}
