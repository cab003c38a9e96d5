import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
const sorted = (v) => v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : v;
export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  for (const m of [
    {}, { d: 1.5, f: 0.5, i32: -7, i64: '-9007199254740993', u32: 7, u64: '18446744073709551615', b: true, s: 'é✓', raw: 'AQID', kind: 'GOOD', inner: { text: 'in' }, many: ['a', 'b'], counts: { x: 1, y: 2 }, left: 'L', s64: '-5', f32: 9, snakeField: { theValue: 3 } },
    { kind: 2, i64: 12, snake_field: { the_value: 4 }, right: 0 },
  ]) console.log(JSON.stringify(sorted(client.invoke('/conformance.Greeter/Echo', m).message)));
}
