export const options = { iterations: 3, duration: '5s', vus: 1 };
export default function () { console.log('it'); }
