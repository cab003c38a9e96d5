// getRandomValues and randomUUID.
import { check } from 'k6';

export default function () {
  const bytes = new Uint8Array(64);
  check(null, {
    'returns its argument': () => crypto.getRandomValues(bytes) === bytes,
    'fills it': () => bytes.some((b) => b !== 0),
    'takes other integers': () => [Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].every((T) => crypto.getRandomValues(new T(32)).some((n) => n !== 0)),
    'a UUID has version 4': () => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()),
    'UUIDs differ': () => crypto.randomUUID() !== crypto.randomUUID(),
  });
  for (const bad of [new Float32Array(2), new ArrayBuffer(2), new Uint8Array(65537)]) {
    try {
      crypto.getRandomValues(bad);
    } catch (e) {
      console.log(String(e), e.name);
    }
  }
}
