export default function () {
  console.log(1.0, 1e21, -0, NaN, Infinity, 'a\nb', '"q"');
  console.log([], {}, [1, [2, [3]]], { a: { b: { c: 1 } } }, [undefined, null, true]);
  console.log(new Error('e').message, Symbol('s').toString(), 10n);
  console.log(() => 1, new Date(0), /re/g);
}
