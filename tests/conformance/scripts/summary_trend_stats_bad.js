// flags: --summary-trend-stats avg,nope
export default function () {}
