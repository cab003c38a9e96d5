// flags: --stage 10
export default function () {}
