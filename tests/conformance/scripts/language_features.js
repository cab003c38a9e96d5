class A { #p = 1; static s = 2; get p() { return this.#p; } }
export default function () {
  const { a, ...rest } = { a: 1, b: 2, c: 3 }; const f = (x = 5, ...y) => x + y.length;
  console.log(rest.b + rest.c, f(undefined, 1, 2), new A().p, A.s, null ?? 'd', ({}).x?.y, [3, 1, 2].toSorted().join(), 2 ** 10, `${[..."ab"].reverse().join('')}`, 7n * 6n === 42n);
  label: for (const i of [1, 2]) { for (const j of [1, 2]) { if (j === 2) continue label; console.log(i, j); } }
  function* g() { yield 1; yield 2; } console.log([...g()].join(), new Map([[1, 2]]).get(1), new Set([1, 1]).size, 'abc'.at(-1), Object.entries({ k: 1 }).join());
}
