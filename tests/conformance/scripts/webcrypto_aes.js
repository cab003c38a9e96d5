// AES in all its modes with fixed keys, and keys that were made here.
const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((b) => b.toString(16).padStart(2, '0')).join('');
const count = (size) => Uint8Array.from({ length: size }, (_, i) => i);

export default async function () {
  const text = count(37);
  const modes = [
    { name: 'AES-CBC', iv: count(16) },
    { name: 'AES-CTR', counter: count(16), length: 64 },
    { name: 'AES-GCM', iv: count(12) },
    { name: 'AES-GCM', iv: count(12), additionalData: count(5) },
  ];
  for (const mode of modes) {
    for (const bits of [128, 192, 256]) {
      const key = await crypto.subtle.importKey('raw', count(bits / 8), { name: mode.name }, true, ['encrypt', 'decrypt']);
      const sealed = await crypto.subtle.encrypt(mode, key, text);
      console.log(mode.name, bits, hex(sealed), hex(await crypto.subtle.decrypt(mode, key, sealed)) === hex(text));
      console.log(key.type, key.extractable, key.usages.join(), hex(await crypto.subtle.exportKey('raw', key)));
      const jwk = await crypto.subtle.exportKey('jwk', key);
      console.log(jwk.kty, jwk.k, jwk.alg, jwk.ext, [...jwk.key_ops].join());
      const again = await crypto.subtle.importKey('jwk', jwk, { name: mode.name }, true, ['decrypt']);
      console.log(hex(await crypto.subtle.decrypt(mode, again, sealed)) === hex(text));
    }
    const made = await crypto.subtle.generateKey({ name: mode.name, length: 256 }, true, ['encrypt', 'decrypt']);
    const sealed = await crypto.subtle.encrypt(mode, made, text);
    console.log(sealed.byteLength, hex(await crypto.subtle.decrypt(mode, made, sealed)) === hex(text));
  }
}
