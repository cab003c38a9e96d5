// flags: --iterations -3
export default function () {}
