// flags: -e GREETING=hello -e EMPTY=
export default function () { console.log(__ENV.GREETING, JSON.stringify(__ENV.EMPTY), __ENV.ABSENT); __ENV.NEW = 'x'; console.log(__ENV.NEW); }
