import exec from 'k6/execution';
export default function () {
  exec.vu.metrics.tags.n = 5; exec.vu.metrics.tags.b = true;
  try { exec.vu.metrics.tags.o = {}; console.log('set'); } catch (e) { console.log('threw'); }
  console.log(exec.vu.metrics.tags.n, exec.vu.metrics.tags.b);
}
