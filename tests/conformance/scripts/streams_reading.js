// k6/experimental/streams: chunks in order, the end, what waits for what.
import { ReadableStream } from 'k6/experimental/streams';
import { tell, outcome, read } from './lib/outcome.js';

/// A stream with its controller.
const make = (source = {}, strategy = undefined) => {
  let controller;
  const stream = new ReadableStream({ ...source, start(given) { controller = given; return source.start && source.start(given); } }, strategy);
  return [stream, controller];
};

export default async function () {
  await tell('all', async () => {
    const reader = new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue({ b: [1] }); c.enqueue(null); c.enqueue(0); c.close(); } }).getReader();
    const got = [];
    for (let i = 0; i < 6; i++) got.push(await read(reader));
    return [got, await outcome(reader.closed)];
  });
  await tell('the same object', async () => {
    const object = {};
    const [stream] = make({ start: (c) => c.enqueue(object) });
    return (await read(stream.getReader())) === object;
  });
  await tell('fields', async () => {
    const reader = make({ start: (c) => { c.enqueue('a'); c.close(); } })[0].getReader();
    const [first, second] = [await reader.read(), await reader.read()];
    return [Object.keys(first).sort(), Object.keys(second).sort(), second.value === undefined, first.done, second.done];
  });
  await tell('a read before its chunk', async () => {
    const [stream, controller] = make();
    const reader = stream.getReader();
    const reads = [read(reader), read(reader), read(reader)];
    controller.enqueue(1);
    controller.enqueue(2);
    controller.close();
    return [await Promise.all(reads), await outcome(reader.closed)];
  });
  await tell('nothing comes', () => outcome(new ReadableStream().getReader().read()));
  await tell('enqueue and close give', () => {
    const [, controller] = make();
    return [String(controller.enqueue(1)), String(controller.close())];
  });
  await tell('room', () => {
    const [, controller] = make({}, { highWaterMark: 3 });
    const seen = [controller.desiredSize];
    for (let i = 0; i < 4; i++) {
      controller.enqueue(i);
      seen.push(controller.desiredSize);
    }
    controller.close();
    return seen;
  });
  await tell('room after', () => {
    const [, closed] = make();
    const [, failed] = make();
    closed.close();
    failed.error(1);
    return [closed.desiredSize, failed.desiredSize];
  });
  await tell('sizes', () => {
    const [, controller] = make({}, { highWaterMark: 10, size: (chunk) => chunk.length });
    controller.enqueue('abc');
    controller.enqueue('');
    return controller.desiredSize;
  });
  for (const size of [NaN, -1, Infinity, undefined, {}]) {
    await tell(`size ${size}`, async () => {
      const [stream, controller] = make({}, { highWaterMark: 5, size: () => size });
      const thrown = await outcome((async () => controller.enqueue(1))());
      return [thrown, controller.desiredSize, await outcome(stream.getReader().read())];
    });
  }
  await tell('size throws', async () => {
    const [stream, controller] = make({}, { size() { throw new RangeError('no size'); } });
    return outcome((async () => controller.enqueue(1))());
  });
  await tell('the time of a timer', async () => {
    const stream = new ReadableStream({
      start(controller) {
        let ticks = 0;
        const timer = setInterval(() => {
          controller.enqueue(`tick ${ticks++}`);
          if (ticks < 3) return;
          clearInterval(timer);
          controller.close();
        }, 2);
      },
    });
    const reader = stream.getReader();
    const got = [];
    for (let chunk; (chunk = await read(reader)) !== 'END'; ) got.push(chunk);
    return got;
  });
}
