import { group } from 'k6';
import http from 'k6/http';
export default function () { group('a', () => { group('b', () => http.get(`${__ENV.BASE}/json`)); http.get(`${__ENV.BASE}/json`); }); http.get(`${__ENV.BASE}/json`); }
