// PBKDF2: bits and keys from a password.
const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((b) => b.toString(16).padStart(2, '0')).join('');

export default async function () {
  const password = await crypto.subtle.importKey('raw', new Uint8Array([112, 119]), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
  console.log(password.type, password.extractable);
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-512']) {
    const parameters = { name: 'PBKDF2', hash: { name: hash }, salt: new Uint8Array([1, 2, 3, 4]), iterations: 10 };
    console.log(hash, hex(await crypto.subtle.deriveBits(parameters, password, 256)));
    const key = await crypto.subtle.deriveKey(parameters, password, { name: 'AES-CBC', length: 256 }, true, ['encrypt', 'decrypt']);
    console.log(hex(await crypto.subtle.exportKey('raw', key)), key.usages.join());
  }
}
