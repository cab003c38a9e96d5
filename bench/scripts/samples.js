// 200 samples of a metric of its own an iteration: what a sample costs on its way to a file.
import { Counter } from 'k6/metrics';
const taken = new Counter('taken');
export default function () {
  for (let i = 0; i < 200; i++) taken.add(1, { step: 'a' });
}
