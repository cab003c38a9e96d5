
export default function () { try { Promise.allSettled([1]); } catch {} }
