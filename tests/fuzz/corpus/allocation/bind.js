
export default function () { try { eval.bind(1); } catch {} }
