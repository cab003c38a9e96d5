// ECDSA and ECDH over the three curves, with every key format.
import { check } from 'k6';

const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((b) => b.toString(16).padStart(2, '0')).join('');

export default async function () {
  const data = new Uint8Array([1, 2, 3]);
  for (const curve of ['P-256', 'P-384', 'P-521']) {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: curve }, true, ['sign', 'verify']);
    for (const hash of ['SHA-256', 'SHA-512']) {
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: { name: hash } }, pair.privateKey, data);
      const verdicts = [
        await crypto.subtle.verify({ name: 'ECDSA', hash: { name: hash } }, pair.publicKey, signature, data),
        await crypto.subtle.verify({ name: 'ECDSA', hash: { name: hash } }, pair.publicKey, signature, new Uint8Array([3])),
      ];
      console.log(curve, hash, signature.byteLength, verdicts.join());
    }
    const parameters = { name: 'ECDSA', namedCurve: curve };
    const point = await crypto.subtle.exportKey('raw', pair.publicKey);
    const spki = await crypto.subtle.exportKey('spki', pair.publicKey);
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
    console.log(point.byteLength, spki.byteLength, pkcs8.byteLength);
    const signer = await crypto.subtle.importKey('pkcs8', pkcs8, parameters, true, ['sign']);
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: { name: 'SHA-256' } }, signer, data);
    for (const [format, bytes] of [['raw', point], ['spki', spki]]) {
      const verifier = await crypto.subtle.importKey(format, bytes, parameters, true, ['verify']);
      check(await crypto.subtle.verify({ name: 'ECDSA', hash: { name: 'SHA-256' } }, verifier, signature, data), { [`${curve} ${format}`]: (ok) => ok });
    }
    const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey);
    console.log(jwk.kty, jwk.crv, jwk.x !== undefined, jwk.y !== undefined, jwk.d !== undefined);

    const mine = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: curve }, true, ['deriveKey', 'deriveBits']);
    const theirs = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: curve }, true, ['deriveKey', 'deriveBits']);
    const one = await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs.publicKey }, mine.privateKey, 256);
    const other = await crypto.subtle.deriveBits({ name: 'ECDH', public: mine.publicKey }, theirs.privateKey, 256);
    console.log(one.byteLength, hex(one) === hex(other));
  }
}
