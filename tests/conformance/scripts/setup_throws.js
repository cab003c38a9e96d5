export function setup() { throw new Error('setupboom'); }
export default function () {}
export function teardown() { console.log('teardown'); }
