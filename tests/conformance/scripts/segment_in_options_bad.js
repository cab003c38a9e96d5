// words: (the option executionSegment: )?'x' is
export const options = { executionSegment: 'x:y' };
export default function () {}
