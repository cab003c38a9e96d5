// createHash and createHMAC: update, digest, and update after digest.
import crypto from 'k6/crypto';

export default function () {
  for (const name of ['md4', 'md5', 'sha256', 'sha512_224', 'ripemd160']) {
    for (const hash of [crypto.createHash(name), crypto.createHMAC(name, 'secret')]) {
      console.log(name, hash.digest('hex'));
      console.log(hash.update('a'));
      hash.update(new Uint8Array([98, 99]).buffer);
      console.log(hash.digest('hex'), hash.digest('base64'));
      hash.update('more');
      console.log(hash.digest('base64url'), Object.keys(hash).join());
    }
  }
  console.log(crypto.createHash('sha1'), String(crypto.createHash('sha1')));
}
