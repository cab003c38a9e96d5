export default function () { Promise.reject(new Error('unhandled')); }
