// k6/experimental/streams: what makes a stream, a reader, a strategy, and what does not.
import { ReadableStream, CountQueuingStrategy, ReadableStreamDefaultReader } from 'k6/experimental/streams';
import streams from 'k6/experimental/streams';
import { tell } from './lib/outcome.js';

const room = (strategy) => {
  let size;
  new ReadableStream({ start(controller) { size = controller.desiredSize; } }, strategy);
  return String(size);
};

export default async function () {
  console.log(['ReadableStream', 'CountQueuingStrategy', 'ReadableStreamDefaultReader'].map((name) => typeof streams[name]).join());
  await tell('nothing', () => new ReadableStream().locked);
  await tell('undefined', () => new ReadableStream(undefined, undefined).locked);
  for (const source of [null, 1, 'x', true]) await tell(`source ${source}`, () => new ReadableStream(source));
  for (const type of ['bytes', 'other', null, 1]) await tell(`type ${type}`, () => new ReadableStream({ type }));
  for (const member of ['start', 'pull', 'cancel']) {
    for (const given of [null, 1, 'x', {}]) await tell(`${member} ${given}`, () => new ReadableStream({ [member]: given }));
  }
  await tell('start throws', () => new ReadableStream({ start() { throw new RangeError('no'); } }));
  await tell('start throws a text', () => new ReadableStream({ start() { throw 'no'; } }));
  await tell('a getter throws', () => new ReadableStream({ get start() { throw new RangeError('no'); } }));

  for (const highWaterMark of [0, 1, 1.5, 7, Infinity, undefined, -1, NaN, 'x', -Infinity]) {
    await tell(`highWaterMark ${highWaterMark}`, () => room({ highWaterMark }));
  }
  await tell('no strategy', () => room());
  await tell('strategy null', () => room(null));
  await tell('empty strategy', () => room({}));
  for (const size of [1, 'x', {}]) await tell(`size ${size}`, () => room({ size }));
  await tell('count', () => room(new CountQueuingStrategy({ highWaterMark: 4 })));
  await tell('count of nothing good', () => room(new CountQueuingStrategy({ highWaterMark: 'x' })));

  const strategy = new CountQueuingStrategy({ highWaterMark: 4 });
  console.log(strategy.highWaterMark, strategy.size('abc'), strategy.size(), typeof strategy.size);
  await tell('count without', () => new CountQueuingStrategy());
  for (const given of [null, 5, 'x', {}, { highWaterMark: undefined }]) await tell(`count ${JSON.stringify(given)}`, () => new CountQueuingStrategy(given));

  await tell('reader of nothing', () => new ReadableStreamDefaultReader());
  for (const given of [null, undefined, {}, 1]) await tell(`reader of ${given}`, () => new ReadableStreamDefaultReader(given));
  await tell('reader', () => typeof new ReadableStreamDefaultReader(new ReadableStream()).read);
  for (const options of [null, undefined, {}, { mode: undefined }]) await tell(`getReader ${JSON.stringify(options)}`, () => typeof new ReadableStream().getReader(options).read);
  for (const mode of ['byob', 'x', null]) await tell(`mode ${mode}`, () => new ReadableStream().getReader({ mode }));
}
