// flags: --no-summary
export default function () {}
