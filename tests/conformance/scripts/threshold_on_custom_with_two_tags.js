import { Counter } from 'k6/metrics';
const c = new Counter('cc');
export const options = { thresholds: { 'cc{a:1,b:2}': ['count==5'] } };
export default function () { c.add(5, { a: '1', b: '2' }); c.add(7, { a: '1' }); }
