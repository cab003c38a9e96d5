// flags: --duration 10ms
export default function () {}
