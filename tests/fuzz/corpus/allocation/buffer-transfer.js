
export default function () { try { new ArrayBuffer(8).transfer(9); } catch {} }
