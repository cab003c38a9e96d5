import { Counter } from 'k6/metrics';
new Counter('bad name!');
export default function () {}
