// A JavaScript file that imports TypeScript.
import { double } from './lib/shapes.ts';

export default function () {
  console.log(double(21));
}
