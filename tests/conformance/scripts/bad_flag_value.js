// words: strconv\.ParseInt: parsing "abc": invalid syntax|"abc" is no whole number
// flags: --vus abc
export default function () {}
