import x from './absent.js';
export default function () {}
