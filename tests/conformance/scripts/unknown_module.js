// better: log: k6 goes on about extensions and a binary to build, which this engine has not
import x from 'k6/nope';
export default function () {}
