// flags: --iterations 2
import { check, group } from 'k6';
export const options = { thresholds: { 'checks{group:::outer::inner}': ['rate>0.4'], checks: ['rate>0.1'] } };
export default function () {
  const got = group('outer', () => {
    check(1, { one: (x) => x === 1, two: (x) => x === 2 });
    group('inner', () => check(null, { odd: () => __ITER % 2 === 1 }, { kind: 'parity' }));
    return 42;
  });
  check(got, { 'returns': (x) => x === 42, 'value': true, 'falsy': 0 });
}
