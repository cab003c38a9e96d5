export default async function () { await Promise.resolve(); throw new Error('async boom'); }
