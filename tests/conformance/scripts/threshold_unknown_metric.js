export const options = { thresholds: { nometric: ['count>1'] } };
export default function () {}
