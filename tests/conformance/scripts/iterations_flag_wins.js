// flags: --iterations 2 --vus 1
export const options = { scenarios: { a: { executor: 'constant-vus', vus: 5, duration: '30s' } } };
export default function () { console.log('ran'); }
