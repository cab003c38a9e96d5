import { check } from 'k6';
export default function () {
  check(1, { before: () => true, boom: () => { throw new Error('in check'); }, after: () => true });
}
