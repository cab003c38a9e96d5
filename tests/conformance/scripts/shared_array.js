// flags: --vus 2 --iterations 4
import { SharedArray } from 'k6/data';
const a = new SharedArray('rows', () => { console.log('built'); return [{ id: 1 }, { id: 2 }, { id: 3 }]; });
export default function () {
  let sum = 0; for (const x of a) sum += x.id;
  let frozen = ''; try { 'use strict'; a[0].id = 9; } catch (e) { frozen = e.name; }
  console.log(a.length, sum, a.map((x) => x.id).join(), a[0].id, a[7], frozen);
}
