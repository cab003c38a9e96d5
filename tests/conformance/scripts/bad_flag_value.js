// flags: --vus abc
export default function () {}
