// k6/experimental/streams: when a source is asked for more.
import { ReadableStream, CountQueuingStrategy } from 'k6/experimental/streams';
import { tell, outcome, read } from './lib/outcome.js';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/// How often a source was asked before the first read, after it and after a second one.
const asked = async (strategy, perPull = 1) => {
  let count = 0;
  const reader = new ReadableStream({ pull(controller) { count += 1; for (let i = 0; i < perPull; i++) controller.enqueue(count); } }, strategy).getReader();
  const seen = [];
  for (let i = 0; i < 3; i++) {
    await pause(3);
    seen.push(count);
    await read(reader);
  }
  return seen;
};

export default async function () {
  await tell('by default', () => asked());
  for (const highWaterMark of [0, 1, 2, 5]) await tell(`mark ${highWaterMark}`, () => asked({ highWaterMark }));
  await tell('count', () => asked(new CountQueuingStrategy({ highWaterMark: 3 })));
  await tell('many at once', () => asked({ highWaterMark: 4 }, 3));
  await tell('a source that gives nothing is asked once', async () => {
    let count = 0;
    const reader = new ReadableStream({ pull() { count += 1; } }).getReader();
    await pause(3);
    return [count, await outcome(reader.read()), count];
  });
  await tell('not before start is over', async () => {
    const seen = [];
    const stream = new ReadableStream({ async start() { await pause(5); seen.push('started'); }, pull(controller) { seen.push('asked'); controller.close(); } });
    await stream.getReader().read();
    return seen;
  });
  await tell('not again before the answer', async () => {
    let running = 0, most = 0, count = 0;
    const stream = new ReadableStream({
      async pull(controller) {
        most = Math.max(most, ++running);
        await pause(1);
        controller.enqueue(count++);
        if (count === 4) controller.close();
        running -= 1;
      },
    }, { highWaterMark: 3 });
    const reader = stream.getReader();
    const got = [];
    for (let chunk; (chunk = await read(reader)) !== 'END'; ) got.push(chunk);
    return [got, most];
  });
  await tell('this is the source', async () => {
    const seen = [];
    const source = { start() { seen.push(this === source); }, pull() { seen.push(this === source); }, cancel() { seen.push(this === source); } };
    const stream = new ReadableStream(source);
    await pause(2);
    await stream.cancel();
    return seen;
  });
  await tell('after the end nobody asks', async () => {
    let count = 0;
    const reader = new ReadableStream({ pull(controller) { count += 1; controller.close(); } }).getReader();
    const got = [await read(reader), await read(reader)];
    await pause(2);
    return [got, count];
  });
  await tell('pull throws', async () => {
    const reader = new ReadableStream({ pull() { throw new Error('dry'); } }).getReader();
    return [await outcome(reader.read()), await outcome(reader.closed)];
  });
  await tell('pull rejects later', async () => {
    const reader = new ReadableStream({ async pull(controller) { controller.enqueue('last'); await pause(1); throw new Error('dry'); } }).getReader();
    return [await outcome(reader.read()), await outcome(reader.read()), await outcome(reader.closed)];
  });
  await tell('start rejects', async () => {
    const reader = new ReadableStream({ async start() { throw new Error('no start'); } }).getReader();
    return [await outcome(reader.read()), await outcome(reader.closed)];
  });
}
