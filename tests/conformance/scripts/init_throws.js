throw new Error('initboom');
export default function () {}
