import { check } from 'k6';
export default function () { check(1, { 'a b c': true, 'ünï': (x) => x, '': true }); try { check(1, { 'a::b': true }); } catch (e) { console.log('threw'); } }
