// k6/experimental/streams: a stream that fails, and what a closed or failed one does not take.
import { ReadableStream } from 'k6/experimental/streams';
import { tell, outcome } from './lib/outcome.js';

const make = () => {
  let controller;
  const stream = new ReadableStream({ start(given) { controller = given; } });
  return [stream, controller];
};
const attempt = (f) => outcome((async () => f())());

export default async function () {
  await tell('closed', async () => {
    const [, controller] = make();
    controller.close();
    return [await attempt(() => controller.enqueue(1)), await attempt(() => controller.close()), await attempt(() => controller.error(new Error('late')))];
  });
  await tell('closing', async () => {
    const [stream, controller] = make();
    controller.enqueue(1);
    controller.close();
    return [await attempt(() => controller.enqueue(2)), await attempt(() => controller.close()), controller.desiredSize, stream.locked];
  });
  await tell('failed', async () => {
    const [, controller] = make();
    controller.error(new Error('first'));
    return [await attempt(() => controller.enqueue(1)), await attempt(() => controller.close()), await attempt(() => controller.error(new Error('second')))];
  });
  await tell('the queue is lost', async () => {
    const [stream, controller] = make();
    controller.enqueue('lost');
    controller.error(new TypeError('cut'));
    const reader = stream.getReader();
    return [await outcome(reader.read()), await outcome(reader.read()), await outcome(reader.closed)];
  });
  for (const reason of ['a text', 7, undefined]) {
    await tell(`reason ${reason}`, async () => {
      const [stream, controller] = make();
      controller.error(reason);
      return outcome(stream.getReader().read());
    });
  }
  await tell('the same error', async () => {
    const [stream, controller] = make();
    const error = new Error('mine');
    controller.error(error);
    try {
      await stream.getReader().read();
    } catch (reason) {
      return reason === error;
    }
    return 'no error';
  });
  await tell('a read that waits', async () => {
    const [stream, controller] = make();
    const reader = stream.getReader();
    const reads = [outcome(reader.read()), outcome(reader.read())];
    controller.error(new Error('cut'));
    return [await Promise.all(reads), await outcome(reader.closed)];
  });
  await tell('a reader that comes later', async () => {
    const [stream, controller] = make();
    controller.error(new Error('cut'));
    const first = stream.getReader();
    const seen = [await outcome(first.closed)];
    first.releaseLock();
    seen.push(stream.locked, await outcome(stream.getReader().read()));
    return seen;
  });
  // Nobody looks at it: no word of it in the log.
  const [, unseen] = make();
  unseen.error(new Error('unseen'));
}
