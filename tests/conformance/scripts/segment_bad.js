// flags: --execution-segment abc
export default function () {}
