// k6/experimental/streams: one reader at a time, and what is left of one that was released.
import { ReadableStream, ReadableStreamDefaultReader } from 'k6/experimental/streams';
import { tell, outcome, read } from './lib/outcome.js';

const make = () => {
  let controller;
  const stream = new ReadableStream({ start(given) { controller = given; } });
  return [stream, controller];
};

export default async function () {
  await tell('locked', () => {
    const stream = new ReadableStream();
    const seen = [stream.locked];
    const reader = stream.getReader();
    seen.push(stream.locked);
    reader.releaseLock();
    seen.push(stream.locked);
    return seen;
  });
  await tell('twice', () => {
    const stream = new ReadableStream();
    stream.getReader();
    return stream.getReader();
  });
  await tell('twice by the constructor', () => {
    const stream = new ReadableStream();
    stream.getReader();
    return new ReadableStreamDefaultReader(stream);
  });
  await tell('one after the other', async () => {
    const [stream, controller] = make();
    controller.enqueue(1);
    controller.enqueue(2);
    const first = stream.getReader();
    const seen = [await read(first)];
    first.releaseLock();
    seen.push(await read(stream.getReader()));
    return seen;
  });
  await tell('after release', async () => {
    const [stream] = make();
    const reader = stream.getReader();
    const waiting = outcome(reader.read());
    reader.releaseLock();
    return [await waiting, await outcome(reader.closed), await outcome(reader.read()), await outcome(reader.cancel()), String(reader.releaseLock())];
  });
  await tell('after release of a closed one', async () => {
    const [stream, controller] = make();
    controller.close();
    const reader = stream.getReader();
    const before = await outcome(reader.closed);
    reader.releaseLock();
    return [before, await outcome(reader.closed)];
  });
  await tell('a read that was left does not take a chunk', async () => {
    const [stream, controller] = make();
    const first = stream.getReader();
    const left = outcome(first.read());
    first.releaseLock();
    const second = stream.getReader();
    const waiting = read(second);
    controller.enqueue('for the second');
    return [await left, await waiting];
  });
  await tell('closed is one promise', async () => {
    const [stream, controller] = make();
    const reader = stream.getReader();
    const before = reader.closed;
    controller.close();
    return [before === reader.closed, await outcome(before)];
  });
}
