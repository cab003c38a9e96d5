
export default function () { try { eval("f(1 + 2)(3)"); } catch {} }
