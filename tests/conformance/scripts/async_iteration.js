// flags: --iterations 2
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
export default async function () { const t = Date.now(); await wait(50); await Promise.all([wait(20), wait(30)]); console.log(Date.now() - t >= 79); }
