// An exception in TypeScript is logged and the iteration goes on to the next.
export const options = { iterations: 2 };
type Maker = () => never;
const fail: Maker = (): never => { throw new Error('typed failure' as string); };

export default function (): void {
  fail();
}
