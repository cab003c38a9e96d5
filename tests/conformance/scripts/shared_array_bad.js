import { SharedArray } from 'k6/data';
const a = new SharedArray('x', () => ({ not: 'an array' }));
export default function () {}
