// words: time: missing unit in duration "10"|the duration "10" has no unit, as 10s
// flags: --stage 10
export default function () {}
