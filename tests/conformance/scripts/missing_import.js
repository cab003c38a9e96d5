// better: log: k6 goes on about Docker volumes and a web page; what is wrong and where is said the same
import x from './absent.js';
export default function () {}
