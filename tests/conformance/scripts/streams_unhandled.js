// k6/experimental/streams: a read whose failure nobody looks at ends the iteration as any promise does.
import { ReadableStream } from 'k6/experimental/streams';

export const options = { iterations: 2, vus: 1 };

export default async function () {
  new ReadableStream({ pull() { throw new Error('dry'); } }).getReader().read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log('not reached');
}
