export const options = { thresholds: { iterations: ['count>x'] } };
export default function () {}
