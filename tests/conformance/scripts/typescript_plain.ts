// JavaScript in a .ts file runs as it is, imports that nothing uses included.
import { unused } from './lib/side_effect.js';

export default function () {
  console.log('ran', globalThis.sideEffect);
}
