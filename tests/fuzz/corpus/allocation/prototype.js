
const a = {}, b = {}; export default function () { try { Object.setPrototypeOf(a, b); } catch {} }
