import { randomSeed } from 'k6';
export default function () { randomSeed(7); const a = Math.random(); randomSeed(7); console.log(a === Math.random(), a >= 0 && a < 1); }
