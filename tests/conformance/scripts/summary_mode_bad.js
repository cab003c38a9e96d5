// flags: --summary-mode loud
export default function () {}
