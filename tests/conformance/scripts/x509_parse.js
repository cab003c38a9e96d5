// k6/crypto/x509: everything that parse() reads, of keys and signatures of all kinds.
import { parse } from 'k6/crypto/x509';
import certificates from './lib/certificates.js';

const written = (value) => JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `n${inner}` : inner));

export default function () {
  for (const name of Object.keys(certificates)) {
    try {
      const certificate = parse(certificates[name]);
      const { publicKey, ...rest } = certificate;
      console.log(name, written(rest));
      const { key } = publicKey;
      console.log(name, publicKey.algorithm, typeof key, ['n', 'e', 'x', 'y', 'p', 'q', 'g'].map((field) => `${field} ${typeof key[field]} ${key[field]}`).join());
      if (key.parameters) console.log(written(key.parameters));
      if (key.curve) console.log(typeof key.curve);
    } catch (e) {
      console.log(name, 'threw', String(e));
    }
  }
  const certificate = parse(certificates.rsa);
  console.log(Object.keys(certificate).join(), Object.keys(certificate.publicKey).join(), Object.keys(certificate.subject).join(), Object.keys(certificate.issuer).join());
  console.log(Array.isArray(certificate.fingerPrint), certificate.fingerPrint.length, certificate === parse(certificates.rsa));
  certificate.notBefore = 'mine';
  certificate.altNames.push('mine');
  console.log(certificate.notBefore, certificate.altNames.length, parse(certificates.rsa).altNames.length);
}
