// flags: --vus 1 --iterations 3
let n = 0;
export default function () { n++; console.log(n, __ITER); }
