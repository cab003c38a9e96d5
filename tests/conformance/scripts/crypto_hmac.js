// HMAC with every algorithm, with keys as text and as bytes, and keys longer than a block.
import { hmac } from 'k6/crypto';

export default function () {
  for (const name of ['md4', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512_224', 'sha512_256', 'ripemd160']) {
    console.log(name, hmac(name, 'key', 'data', 'hex'), hmac(name, 'k'.repeat(200), 'data', 'base64'), hmac(name, '', '', 'base64rawurl'));
  }
  console.log(hmac('sha256', new Uint8Array([1, 2]), new Uint8Array([3]).buffer, 'hex'));
}
