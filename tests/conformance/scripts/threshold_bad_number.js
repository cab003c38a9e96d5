// words: failed parsing threshold .*|iterations: the threshold .*
export const options = { thresholds: { iterations: ['count>x'] } };
export default function () {}
