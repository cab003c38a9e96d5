import { Counter } from 'k6/metrics';
const c = new Counter('down');
export default function () { c.add(-1); c.add(3); }
