import { Counter } from 'k6/metrics';
const a = new Counter('http_reqs');
export default function () { a.add(1); }
