
export default async function () { try { await import('k6/encoding'); } catch {} }
