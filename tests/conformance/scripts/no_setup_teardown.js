// flags: --no-setup --no-teardown
export function setup() { console.log('setup'); }
export function teardown() { console.log('teardown'); }
export default function (data) { console.log(JSON.stringify(data)); }
