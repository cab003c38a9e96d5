
export default function () { try { eval("/\\p{scx=Greek}/u"); } catch {} }
