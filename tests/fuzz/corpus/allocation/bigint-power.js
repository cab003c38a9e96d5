
export default function () { try { 3n ** 99n; } catch {} }
