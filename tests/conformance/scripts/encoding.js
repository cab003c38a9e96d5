import encoding from 'k6/encoding';
import { b64encode } from 'k6/encoding';
export default function () {
  console.log(b64encode('hello?>'), encoding.b64encode('hello?>', 'rawurl'), encoding.b64decode('aGVsbG8=', 'std', 's'));
  console.log(new Uint8Array(encoding.b64decode('AQID')).join());
}
