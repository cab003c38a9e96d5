// Names of what goes wrong.
const attempt = async (what, promise) => {
  try {
    await promise();
    console.log(what, 'went well');
  } catch (e) {
    console.log(what, e.name);
  }
};

export default async function () {
  const s = crypto.subtle;
  await attempt('length', () => s.generateKey({ name: 'AES-CBC', length: 100 }, true, ['encrypt']));
  await attempt('no length', () => s.generateKey({ name: 'AES-CBC' }, true, ['encrypt']));
  await attempt('no usages', () => s.generateKey({ name: 'AES-CBC', length: 128 }, true, []));
  await attempt('wrong usage', () => s.generateKey({ name: 'AES-CBC', length: 128 }, true, ['sign']));
  await attempt('unknown', () => s.generateKey({ name: 'nope' }, true, ['encrypt']));
  await attempt('no hash', () => s.generateKey({ name: 'HMAC' }, true, ['sign']));
  await attempt('bad hash', () => s.generateKey({ name: 'HMAC', hash: 'MD5' }, true, ['sign']));
  await attempt('no curve', () => s.generateKey({ name: 'ECDSA' }, true, ['sign']));
  await attempt('bad curve', () => s.generateKey({ name: 'ECDH', namedCurve: 'X25519' }, true, ['deriveBits']));
  const key = await s.generateKey({ name: 'AES-CBC', length: 128 }, false, ['encrypt']);
  await attempt('not extractable', () => s.exportKey('raw', key));
  await attempt('not for that', () => s.decrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, key, new Uint8Array(16)));
  await attempt('other algorithm', () => s.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, key, new Uint8Array(16)));
  await attempt('short iv', () => s.encrypt({ name: 'AES-CBC', iv: new Uint8Array(3) }, key, new Uint8Array(16)));
  await attempt('raw length', () => s.importKey('raw', new Uint8Array(5), { name: 'AES-CBC' }, true, ['encrypt']));
  await attempt('no key', () => s.importKey('pkcs8', new Uint8Array(5), { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']));
}
