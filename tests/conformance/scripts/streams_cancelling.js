// k6/experimental/streams: a reader that has had enough.
import { ReadableStream } from 'k6/experimental/streams';
import { tell, outcome, read } from './lib/outcome.js';

const make = (cancel = () => {}) => {
  let controller;
  const stream = new ReadableStream({ start(given) { controller = given; }, cancel });
  return [stream, controller];
};

export default async function () {
  await tell('the reason', async () => {
    let why;
    const [stream] = make((reason) => { why = reason; });
    return [String(await stream.cancel('enough')), why];
  });
  await tell('without a function', () => outcome(new ReadableStream().cancel('enough')));
  await tell('what it returns is not given', () => outcome(make(() => 7)[0].cancel()));
  await tell('it is waited for', async () => {
    const seen = [];
    const [stream] = make(() => new Promise((resolve) => setTimeout(() => { seen.push('cancelled'); resolve(); }, 3)));
    await stream.cancel();
    return seen;
  });
  await tell('it throws', () => outcome(make(() => { throw new Error('no way'); })[0].cancel()));
  await tell('it rejects', () => outcome(make(async () => { throw new Error('no way'); })[0].cancel()));
  await tell('a closed one', async () => {
    const [stream, controller] = make(() => console.log('must not be called'));
    controller.close();
    return outcome(stream.cancel());
  });
  await tell('a failed one', async () => {
    const [stream, controller] = make(() => console.log('must not be called'));
    controller.error(new Error('cut'));
    return outcome(stream.cancel());
  });
  await tell('a locked one', async () => {
    const [stream] = make(() => console.log('must not be called'));
    stream.getReader();
    return outcome(stream.cancel());
  });
  await tell('the queue is dropped', async () => {
    const [stream, controller] = make();
    controller.enqueue(1);
    await stream.cancel();
    return [await read(stream.getReader()), controller.desiredSize];
  });
  await tell('nothing comes afterwards', async () => {
    const [stream, controller] = make();
    await stream.cancel();
    return [await outcome((async () => controller.enqueue(1))()), await outcome((async () => controller.close())())];
  });
  await tell('by the reader', async () => {
    let why;
    const [stream] = make((reason) => { why = reason; });
    const reader = stream.getReader();
    const waiting = read(reader);
    const given = String(await reader.cancel('enough'));
    return [given, why, await waiting, await outcome(reader.closed), stream.locked];
  });
  await tell('by the reader, badly', async () => {
    const [stream] = make(() => { throw new Error('no way'); });
    const reader = stream.getReader();
    return [await outcome(reader.cancel()), await outcome(reader.closed)];
  });
  await tell('only once', async () => {
    let count = 0;
    const [stream] = make(() => { count += 1; });
    await stream.cancel(1);
    await stream.cancel(2);
    return count;
  });
}
