import { SharedArray } from 'k6/data';
export default function () { new SharedArray('x', () => [1]); }
