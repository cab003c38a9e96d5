// flags: -e =x
export default function () {}
