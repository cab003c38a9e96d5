import { b64encode, b64decode } from 'k6/encoding';
export default function () {
  for (const kind of ['std', 'rawstd', 'url', 'rawurl']) console.log(kind, b64encode('??>>~~é', kind), b64decode(b64encode('round', kind), kind, 's'));
  console.log(b64encode(new Uint8Array([255, 254]).buffer), b64encode('')); try { b64decode('!!!'); } catch (e) { console.log('threw'); }
}
