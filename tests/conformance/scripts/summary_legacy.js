// differs: log: ours does not say that the legacy summary goes away
// flags: --summary-mode legacy --iterations 1
import http from 'k6/http';
import { check, group } from 'k6';
export default function () { group('g1', () => check(http.get(`${__ENV.BASE}/json`), { ok: (r) => r.status === 200 })); }
