import { fail } from 'k6';
export function setup() { fail('not ready'); }
export default function () { console.log('never'); }
