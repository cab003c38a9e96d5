
export default function () { try { eval("class A { #p; }"); } catch {} }
