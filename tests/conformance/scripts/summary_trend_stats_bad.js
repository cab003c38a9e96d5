// words: invalid trend stat .*|summaryTrendStats has .*
// better: exit code: 104, as any option that cannot be
// flags: --summary-trend-stats avg,nope
export default function () {}
