// words: invalid type \S+(?: \{\})?, expected string, \[\]byte or ArrayBuffer|a text, an ArrayBuffer or a Uint8Array is wanted, not [a-z ]+?(?= GoError|$)
// What k6/crypto says about arguments that it cannot take.
import crypto from 'k6/crypto';

const attempt = (name, f) => {
  try {
    console.log(name, f());
  } catch (e) {
    console.log(name, 'threw', String(e), e.name, e.message);
  }
};

export default function () {
  for (const [name, value] of Object.entries({ none: undefined, nothing: null, number: 12, fraction: 1.5, object: {}, list: [1], truth: true,
    wide: new Uint16Array([1, 2]), floats: new Float64Array(1), view: new DataView(new ArrayBuffer(2)) })) {
    attempt(`sha256 ${name}`, () => crypto.sha256(value, 'hex'));
    attempt(`hmac data ${name}`, () => crypto.hmac('sha256', 'key', value, 'hex'));
    attempt(`hmac key ${name}`, () => crypto.hmac('sha256', value, 'data', 'hex'));
    attempt(`hexEncode ${name}`, () => crypto.hexEncode(value));
    attempt(`update ${name}`, () => crypto.createHash('md5').update(value));
  }
  attempt('encoding', () => crypto.md5('x', 'octal'));
  attempt('no encoding', () => crypto.md5('x'));
  attempt('digest encoding', () => crypto.createHash('md5').digest('zz'));
  attempt('algorithm', () => crypto.hmac('sha3', 'k', 'd', 'hex'));
  attempt('no arguments', () => crypto.hmac());
}
