// Every digest in every encoding.
import crypto from 'k6/crypto';

const show = (value) => (value instanceof ArrayBuffer ? `bytes ${Array.from(new Uint8Array(value))}` : value);

export default function () {
  for (const name of ['md4', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512_224', 'sha512_256', 'ripemd160']) {
    for (const encoding of ['hex', 'base64', 'base64url', 'base64rawurl', 'binary']) {
      console.log(name, encoding, show(crypto[name]('hello', encoding)), show(crypto[name]('', encoding)));
    }
  }
  console.log(crypto.sha256('h\u00e9\u20ac\u{1f600}', 'hex'), crypto.sha256('a\ud800b', 'hex'));
  console.log(crypto.sha1(new Uint8Array([1, 2]).buffer, 'hex'), crypto.sha1(new Uint8Array([1, 2]), 'hex'));
}
