// words: invalid trend stat .*|summaryTrendStats has .*
// flags: --summary-trend-stats avg,nope
export default function () {}
