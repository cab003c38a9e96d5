
import k6crypto from 'k6/crypto';
import encoding from 'k6/encoding';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
export default async function () {
  for (const n of ['md4', 'md5', 'sha1', 'sha256', 'sha512_224', 'ripemd160']) { t(() => k6crypto[n]('x', 'hex')); t(() => k6crypto.hmac(n, 'k', 'd', 'base64')); t(() => { const h = k6crypto.createHash(n); h.update('x'); h.update(new Uint8Array(2)); return h.digest('binary'); }); t(() => k6crypto.createHMAC(n, 'k').digest('base64rawurl')); }
  t(() => k6crypto.randomBytes(10)); t(() => k6crypto.hexEncode('x')); t(() => encoding.b64encode('x', 'rawurl')); t(() => encoding.b64decode('eA==', 'std', 's')); t(() => encoding.b64decode('eA=='));
  t(() => crypto.randomUUID()); t(() => crypto.getRandomValues(new Uint8Array(8)));
  const s = crypto.subtle, d = new Uint8Array(32), use = async (f) => { try { return await f(); } catch (e) { t(() => String(e)); } };
  await use(() => s.digest('SHA-256', d));
  const k = await use(() => s.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt', 'decrypt']));
  const e = await use(() => s.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, k, d)); await use(() => s.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, k, e));
  const h = await use(() => s.importKey('raw', d, { name: 'HMAC', hash: 'SHA-1' }, true, ['sign', 'verify'])); const g = await use(() => s.sign('HMAC', h, d)); await use(() => s.verify('HMAC', h, g, d));
  const p = await use(() => s.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']));
  t(() => [p.publicKey.algorithm, p.privateKey.usages, p.publicKey.type, p.publicKey.extractable]);
  const j = await use(() => s.exportKey('jwk', p.privateKey)); await use(() => s.importKey('jwk', j, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])); await use(() => s.exportKey('spki', p.publicKey)); await use(() => s.sign({ name: 'ECDSA', hash: 'SHA-256' }, p.privateKey, d));
  await use(() => s.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: d, iterations: 2 }, null, 128));
}
