// Types of every kind that scripts use.
import http, { type Params } from 'k6/http';
import { check } from 'k6';
import type { Options } from 'k6/options';
import { double, type Shape } from './lib/shapes.ts';

export const options: Options = { vus: 1, iterations: 1 };

interface Named { readonly name: string; rank?: number }
type Pair<T, U = string> = [T, U];
enum Color { Red, Green = 5, Blue = 'b' }
const enum Flag { On = 1 }

abstract class Base<T extends Named> implements Named {
  protected count: number = 1;
  constructor(public readonly name: string, private extra?: T) {}
  abstract size(): number;
  describe<U>(this: Base<T>, given: U | null): string { return `${this.name}:${given as any}:${this.extra?.name!}`; }
}
class Derived extends Base<Named> {
  declare note: string;
  override size(): number { return this.count; }
}

function over(a: string): string;
function over(a: number): string;
function over(a: any): string { return typeof a; }
const generic = <T,>(value: T): T => value satisfies T;

export default function (): void {
  const shape: Shape = { side: 2 };
  const pair: Pair<number> = [1, 'x'];
  console.log(double(shape.side), pair.join(), Color.Green, Color[5], Color.Blue, Flag.On);
  console.log(new Derived('d', { name: 'n' }).describe<number>(4), new Derived('e').size(), over(1), generic<string>('g'));
  const params: Params = { tags: { kind: 'typed' } };
  check(http.get(`${__ENV.BASE}/json`, params), { 'is 200': (r): boolean => r.status === 200 });
}
