import { check } from 'k6';
export default function () { console.log(check(1, {}), check(1, { a: true, b: false })); }
