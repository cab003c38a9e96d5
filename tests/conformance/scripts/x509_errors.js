// words: could not convert function call parameter 0: could not convert 5 to \[\]uint8|a certificate is a text or an ArrayBuffer, not a number
// k6/crypto/x509: what is no certificate.
import x509 from 'k6/crypto/x509';
import certificates from './lib/certificates.js';

const pem = certificates.rsa;
const block = (body) => `-----BEGIN CERTIFICATE-----\n${body}-----END CERTIFICATE-----\n`;
const given = {
  'an empty text': '',
  'a text': 'no certificate',
  null: null,
  'an empty buffer': new ArrayBuffer(0),
  'a buffer': new Uint8Array([1, 2]).buffer,
  'no base64': block('!!!!\n'),
  'an empty block': block(''),
  'a short block': block('MIIB\n'),
  'half a text': pem.slice(0, 300),
  'half a block': `${pem.split('\n').slice(0, 5).join('\n')}\n-----END CERTIFICATE-----\n`,
  'another sequence': block('MAYCAQECAQI=\n'),
  indented: pem.replace(/^/gm, '  '),
};

export default function () {
  for (const name of ['parse', 'getAltNames', 'getIssuer', 'getSubject']) {
    for (const what of Object.keys(given)) {
      try {
        x509[name](given[what]);
        console.log(name, what, 'is one');
      } catch (e) {
        console.log(name, what, e.name, String(e));
      }
    }
    try {
      x509[name]();
    } catch (e) {
      console.log(name, 'nothing', String(e));
    }
    try {
      x509[name](5);
    } catch (e) {
      console.log(name, 'a number', String(e), e instanceof TypeError);
    }
  }
}
