export function setup() { return { a: undefined, b: null, c: [1, 'x', true], d: new Date(0) }; }
export default function (data) { console.log(JSON.stringify(data, Object.keys(data).sort())); }
export function teardown(data) { console.log(JSON.stringify(data, Object.keys(data).sort()), typeof data.d); }
