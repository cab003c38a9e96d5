import { check, group } from 'k6';
export const options = { thresholds: { 'checks{group:::a}': ['rate==1'], 'checks{group:::a::b}': ['rate==0'] } };
export default function () { group('a', () => { check(1, { one: (v) => v === 1 }); group('b', () => check(1, { two: (v) => v === 2 })); }); }
