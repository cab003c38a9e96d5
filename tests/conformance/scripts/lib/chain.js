import { twice } from './twice.js';
export { name as original } from './twice.js';
export default (x) => twice(twice(x));
