export default function () { console.log(); console.log(''); console.log(' '); console.debug('hidden'); }
