// RSA: OAEP, PSS and PKCS1 with made keys that go through every format.
const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((b) => b.toString(16).padStart(2, '0')).join('');

export default async function () {
  const data = new Uint8Array([1, 2, 3]);
  const shape = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
  for (const name of ['RSA-PSS', 'RSASSA-PKCS1-v1_5']) {
    const pair = await crypto.subtle.generateKey({ name, ...shape }, true, ['sign', 'verify']);
    const operation = { name, saltLength: 32 };
    const signature = await crypto.subtle.sign(operation, pair.privateKey, data);
    console.log(name, signature.byteLength, await crypto.subtle.verify(operation, pair.publicKey, signature, data),
      await crypto.subtle.verify(operation, pair.publicKey, signature, new Uint8Array([4])));
    const imported = await crypto.subtle.importKey('spki', await crypto.subtle.exportKey('spki', pair.publicKey), { name, hash: 'SHA-256' }, true, ['verify']);
    console.log(await crypto.subtle.verify(operation, imported, signature, data), imported.type, imported.usages.join());
    const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey);
    console.log(jwk.kty, jwk.e, jwk.n.length);
  }
  const pair = await crypto.subtle.generateKey({ name: 'RSA-OAEP', ...shape }, true, ['encrypt', 'decrypt']);
  for (const label of [undefined, new Uint8Array([5, 6])]) {
    const operation = label === undefined ? { name: 'RSA-OAEP' } : { name: 'RSA-OAEP', label };
    const sealed = await crypto.subtle.encrypt(operation, pair.publicKey, data);
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
    const opener = await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'RSA-OAEP', hash: 'SHA-256' }, true, ['decrypt']);
    console.log(sealed.byteLength, hex(await crypto.subtle.decrypt(operation, opener, sealed)));
  }
}
