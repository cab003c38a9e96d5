// randomBytes and hexEncode.
import crypto, { randomBytes, hexEncode } from 'k6/crypto';
import { check } from 'k6';

export default function () {
  check(null, {
    'has the size': () => randomBytes(32).byteLength === 32,
    'is an ArrayBuffer': () => randomBytes(3) instanceof ArrayBuffer,
    'differs': () => hexEncode(randomBytes(16)) !== hexEncode(randomBytes(16)),
    'hex has two digits a byte': () => hexEncode(randomBytes(7)).length === 14,
  });
  for (const size of [0, -1, '3', 1.7, undefined]) {
    try {
      console.log(typeof size, crypto.randomBytes(size).byteLength);
    } catch (e) {
      console.log(typeof size, String(e));
    }
  }
  console.log(hexEncode('abc'), hexEncode(new Uint8Array([0, 255])), hexEncode(''));
}
