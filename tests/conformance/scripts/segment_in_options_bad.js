export const options = { executionSegment: 'x:y' };
export default function () {}
