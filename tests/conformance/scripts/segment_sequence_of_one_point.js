// flags: --execution-segment-sequence 1
export default function () {}
