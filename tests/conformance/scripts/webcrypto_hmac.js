// HMAC keys: imported, made, exported; signatures and their verification.
const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((b) => b.toString(16).padStart(2, '0')).join('');

export default async function () {
  const data = new Uint8Array([1, 2, 3]);
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']) {
    const key = await crypto.subtle.importKey('raw', new Uint8Array([9, 8, 7]), { name: 'HMAC', hash: { name: hash } }, true, ['sign', 'verify']);
    const signature = await crypto.subtle.sign('HMAC', key, data);
    console.log(hash, hex(signature), await crypto.subtle.verify('HMAC', key, signature, data), await crypto.subtle.verify({ name: 'HMAC' }, key, new Uint8Array(20), data));
    const jwk = await crypto.subtle.exportKey('jwk', key);
    console.log(jwk.kty, jwk.k, jwk.alg, jwk.ext, [...jwk.key_ops].join());
    const made = await crypto.subtle.generateKey({ name: 'HMAC', hash: hash }, true, ['sign', 'verify']);
    console.log((await crypto.subtle.exportKey('raw', made)).byteLength, await crypto.subtle.verify('HMAC', made, await crypto.subtle.sign('HMAC', made, data), data));
  }
}
