// k6/crypto/x509: subject, issuer and names alone, by named imports and by the default one.
import x509 from 'k6/crypto/x509';
import { getAltNames, getIssuer, getSubject } from 'k6/crypto/x509';
import encoding from 'k6/encoding';
import certificates from './lib/certificates.js';

export default function () {
  console.log(Object.keys(x509).sort().join()); // k6's own order changes from run to run
  for (const name of Object.keys(certificates)) {
    console.log(name, JSON.stringify(getAltNames(certificates[name])));
    console.log(name, JSON.stringify(getIssuer(certificates[name])));
    console.log(name, JSON.stringify(getSubject(certificates[name])));
  }
  const pem = certificates.rsa;
  const variants = {
    bytes: encoding.b64decode(encoding.b64encode(pem)),
    'text before': `hello\n${pem}`,
    'text behind': `${pem}junk`,
    'two of them': pem + certificates.p256,
    'no end of line': pem.trim(),
    'carriage returns': pem.replace(/\n/g, '\r\n'),
    'another label': pem.replace(/CERTIFICATE/g, 'X509 CERTIFICATE'),
    headers: pem.replace('-----\n', '-----\nKey: value\n\n'),
  };
  for (const name of Object.keys(variants)) console.log(name, x509.getAltNames(variants[name]).length);
}
