// flags: --iterations 2
export const options = { minIterationDuration: '300ms' };
export default function () { console.log('it'); }
