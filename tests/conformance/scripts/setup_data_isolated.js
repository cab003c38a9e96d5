// flags: --vus 1 --iterations 2
export function setup() { return { n: 1 }; }
export default function (data) { console.log(data.n); data.n++; }
export function teardown(data) { console.log('teardown', data.n); }
