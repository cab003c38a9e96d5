export default function () {}
export function handleSummary(data) { return { stdout: 'out\n', stderr: '', '/dev/null': JSON.stringify(data.metrics.iterations) }; }
