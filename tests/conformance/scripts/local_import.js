import { twice, name } from './lib/twice.js';
export default function () { console.log(twice(21), name); }
