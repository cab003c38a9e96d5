import x from 'k6/nope';
export default function () {}
