import { Counter } from 'k6/metrics';
const a = new Counter('same'), b = new Counter('same');
export default function () { a.add(1); b.add(1); }
