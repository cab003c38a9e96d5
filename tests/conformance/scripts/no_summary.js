// differs: log: as below
// differs: summary: as below
// differs: exported fields: k6 writes no export with --no-summary; ours does
// flags: --no-summary
export default function () {}
