const b = open('./lib/twice.js', 'b');
export default function () { console.log(b instanceof ArrayBuffer, new Uint8Array(b)[0]); }
