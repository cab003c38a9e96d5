// What test_engine_streams.py runs on the engine and on Node.js: errors by their names, as the texts are each one's own.
import { ReadableStream, WritableStream, ByteLengthQueuingStrategy, WritableStreamDefaultWriter } from 'k6/experimental/streams';
const words = (reason) => (reason instanceof Error ? `${reason.name}` : String(reason));
const patient = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 30, 'PENDING'))]);
const outcome = async (promise) => { try { return String(await patient(promise)); } catch (reason) { return `threw ${words(reason)}`; } };
const tell = async (name, f) => { try { console.log(`${name}: ${JSON.stringify(await patient(f()))}`); } catch (reason) { console.log(`${name} threw ${words(reason)}`); } };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sinkInto = (seen, more = {}) => ({ start() { seen.push('start'); }, write(chunk) { seen.push(chunk); }, close() { seen.push('close'); }, abort(reason) { seen.push(`abort ${words(reason)}`); }, ...more });
const from = (...chunks) => new ReadableStream({ start(c) { for (const chunk of chunks) c.enqueue(chunk); c.close(); } });
const drain = async (stream) => { const got = []; for await (const chunk of stream) got.push(chunk); return got; };

export default async function () {
  await tell('writes in order', async () => {
    const seen = [];
    const writer = new WritableStream(sinkInto(seen)).getWriter();
    writer.write('a'); writer.write('b');
    return [await outcome(writer.close()), seen, await outcome(writer.closed), await outcome(writer.ready)];
  });
  await tell('backpressure', async () => {
    const seen = [];
    let go;
    const writer = new WritableStream({ write: () => new Promise((resolve) => { go = resolve; }) }, { highWaterMark: 2 }).getWriter();
    seen.push(writer.desiredSize);
    await pause(1);
    const first = writer.write(1), second = writer.write(2);
    seen.push(writer.desiredSize, await outcome(writer.ready));
    await pause(1); go(); await first;
    seen.push(writer.desiredSize, await outcome(writer.ready));
    go(); await second;
    seen.push(writer.desiredSize);
    return seen;
  });
  await tell('sizes in bytes', () => {
    const writer = new WritableStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 10 })).getWriter();
    writer.write(new Uint8Array(4));
    return writer.desiredSize;
  });
  await tell('sink fails', async () => {
    const seen = [];
    const writer = new WritableStream(sinkInto(seen, { write(chunk) { if (chunk === 2) throw new RangeError('full'); seen.push(chunk); } })).getWriter();
    const writes = [1, 2, 3].map((n) => outcome(writer.write(n)));
    return [await Promise.all(writes), await outcome(writer.closed), await outcome(writer.ready), writer.desiredSize, await outcome(writer.write(4)), await outcome(writer.close()), seen];
  });
  await tell('abort', async () => {
    const seen = [];
    const writer = new WritableStream(sinkInto(seen)).getWriter();
    const pending = outcome(writer.write(1));
    const aborted = await outcome(writer.abort(new TypeError('stop')));
    return [aborted, await pending, await outcome(writer.closed), await outcome(writer.abort()), seen];
  });
  await tell('abort waits for the write', async () => {
    const seen = [];
    const writer = new WritableStream(sinkInto(seen, { async write(chunk) { await pause(3); seen.push(chunk); } })).getWriter();
    await pause(1);
    const writes = [outcome(writer.write(1)), outcome(writer.write(2))];
    await pause(1);
    const aborted = [outcome(writer.abort('one')), outcome(writer.abort('two'))];
    return [await Promise.all(writes), await Promise.all(aborted), seen];
  });
  await tell('abort fails', async () => {
    const writer = new WritableStream({ abort() { throw new RangeError('no'); } }).getWriter();
    await pause(1);
    return [await outcome(writer.abort('x')), await outcome(writer.closed)];
  });
  await tell('close fails', async () => {
    const writer = new WritableStream({ close() { throw new RangeError('no'); } }).getWriter();
    return [await outcome(writer.close()), await outcome(writer.closed), await outcome(writer.write(1))];
  });
  await tell('abort while closing', async () => {
    const seen = [];
    const stream = new WritableStream(sinkInto(seen, { async close() { await pause(3); seen.push('closed'); } }));
    const writer = stream.getWriter();
    await pause(1);
    const closing = outcome(writer.close());
    const aborted = outcome(writer.abort('x'));
    return [await closing, await aborted, await outcome(writer.closed), seen];
  });
  await tell('controller.error', async () => {
    const seen = [];
    let controller;
    const writer = new WritableStream(sinkInto(seen, { start(c) { controller = c; } })).getWriter();
    await pause(1);
    controller.error(new RangeError('by hand')); controller.error(new TypeError('again'));
    return [await outcome(writer.write(1)), await outcome(writer.closed), await outcome(writer.abort('x')), seen];
  });
  await tell('start fails', async () => {
    const writer = new WritableStream({ async start() { throw new RangeError('no start'); } }).getWriter();
    return [await outcome(writer.write(1)), await outcome(writer.closed)];
  });
  await tell('start throws', () => new WritableStream({ start() { throw new RangeError('no start'); } }));
  await tell('start fails and abort', async () => {
    const stream = new WritableStream({ async start() { await pause(2); throw new RangeError('no start'); } });
    return [await outcome(stream.abort('x'))];
  });
  await tell('size throws', async () => {
    const writer = new WritableStream({}, { size() { throw new RangeError('size'); } }).getWriter();
    return [await outcome(writer.write(1)), await outcome(writer.closed), await outcome(writer.ready)];
  });
  await tell('size negative', async () => {
    const writer = new WritableStream({}, { size: () => -1 }).getWriter();
    return [await outcome(writer.write(1)), await outcome(writer.closed), await outcome(writer.ready)];
  });
  await tell('locks', async () => {
    const stream = new WritableStream();
    const writer = stream.getWriter();
    const seen = [stream.locked, await outcome(stream.close()), await outcome(stream.abort())];
    try { stream.getWriter(); } catch (reason) { seen.push(words(reason)); }
    try { new WritableStreamDefaultWriter({}); } catch (reason) { seen.push(words(reason)); }
    writer.releaseLock();
    try { seen.push(writer.desiredSize); } catch (reason) { seen.push(words(reason)); }
    seen.push(stream.locked, await outcome(writer.write(1)), await outcome(writer.close()), await outcome(writer.abort()), await outcome(writer.closed), await outcome(writer.ready), await outcome(stream.close()), await outcome(stream.close()));
    return seen;
  });
  await tell('closed stream, new writer', async () => {
    const stream = new WritableStream();
    await stream.close();
    const writer = stream.getWriter();
    return [writer.desiredSize, await outcome(writer.ready), await outcome(writer.closed), await outcome(writer.close())];
  });
  await tell('close twice', async () => {
    const writer = new WritableStream().getWriter();
    return [await Promise.all([outcome(writer.close()), outcome(writer.close()), outcome(writer.write(1))])];
  });
  for (const [name, arg] of [['null', null], ['type', { type: 'bytes' }], ['write', { write: 1 }]]) await tell(`sink ${name}`, () => new WritableStream(arg));
  await tell('controller only inside', () => { let c; new WritableStream({ start(given) { c = given; } }); return new c.constructor(); });
  await tell('readable controller only inside', () => { let c; new ReadableStream({ start(given) { c = given; } }); return new c.constructor(); });

  await tell('pipe', async () => {
    const seen = [], source = from(1, 2, 3), sink = new WritableStream(sinkInto(seen));
    return [await outcome(source.pipeTo(sink)), seen, source.locked, sink.locked];
  });
  await tell('pipe preventClose', async () => {
    const seen = [], sink = new WritableStream(sinkInto(seen));
    return [await outcome(from(1).pipeTo(sink, { preventClose: true })), seen, await outcome(sink.close()), seen];
  });
  await tell('pipe from a failed one', async () => {
    const seen = [], source = new ReadableStream({ start(c) { c.enqueue(1); }, pull() { throw new RangeError('dry'); } }, { highWaterMark: 0 });
    return [await outcome(source.pipeTo(new WritableStream(sinkInto(seen)))), seen];
  });
  await tell('pipe from a failed one preventAbort', async () => {
    const seen = [], source = new ReadableStream({ start(c) { c.error(new RangeError('dry')); } }), sink = new WritableStream(sinkInto(seen));
    return [await outcome(source.pipeTo(sink, { preventAbort: true })), seen, sink.locked, await outcome(sink.getWriter().write(2))];
  });
  await tell('pipe into a failing one', async () => {
    let why;
    const source = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(reason) { why = words(reason); } });
    return [await outcome(source.pipeTo(new WritableStream({ write() { throw new RangeError('full'); } }))), why];
  });
  await tell('pipe into a failing one preventCancel', async () => {
    let n = 0;
    const source = new ReadableStream({ pull(c) { c.enqueue(n++); } });
    return [await outcome(source.pipeTo(new WritableStream({ write() { throw new RangeError('full'); } }), { preventCancel: true })), source.locked];
  });
  await tell('pipe into a closed one', async () => {
    let why;
    const source = new ReadableStream({ cancel(reason) { why = words(reason); } }), sink = new WritableStream();
    await sink.close();
    return [await outcome(source.pipeTo(sink)), why];
  });
  await tell('pipe close fails', async () => [await outcome(from(1).pipeTo(new WritableStream({ close() { throw new RangeError('c'); } })))]);
  await tell('pipe cancel fails', async () => [await outcome(new ReadableStream({ cancel() { throw new TypeError('c'); } }).pipeTo(new WritableStream({ start(c) { c.error(new RangeError('r')); } })))]);
  await tell('pipe locked', async () => { const s = from(1); s.getReader(); return outcome(s.pipeTo(new WritableStream())); });
  await tell('pipe slow sink', async () => {
    const seen = [];
    let pulled = 0;
    const source = new ReadableStream({ pull(c) { c.enqueue(++pulled); if (pulled === 6) c.close(); } });
    await source.pipeTo(new WritableStream({ async write(chunk) { await pause(1); seen.push(chunk); } }));
    return [seen, pulled];
  });
  await tell('pipeThrough', async () => {
    const seen = [];
    let controller;
    const upper = { readable: new ReadableStream({ start(c) { controller = c; } }), writable: new WritableStream({ write(chunk) { controller.enqueue(chunk.toUpperCase()); }, close() { controller.close(); } }) };
    return drain(from('a', 'b').pipeThrough(upper));
  });

  await tell('tee', async () => { const [a, b] = from(1, 2, 3).tee(); return [await drain(a), await drain(b)]; });
  await tell('tee at once', async () => { const [a, b] = from(1, 2, 3).tee(); return Promise.all([drain(a), drain(b)]); });
  await tell('tee cancel one', async () => {
    let why = 'none';
    const source = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(reason) { why = reason; } });
    const [a, b] = source.tee();
    const first = outcome(a.cancel('a'));
    await pause(1);
    const seen = [why, (await b.getReader().read()).value, source.locked];
    return seen;
  });
  await tell('tee cancel both', async () => {
    let why = 'none';
    const [a, b] = new ReadableStream({ cancel(reason) { why = reason; } }).tee();
    const both = [outcome(b.cancel('b')), outcome(a.cancel('a'))];
    return [await Promise.all(both), why];
  });
  await tell('tee failed', async () => {
    const [a, b] = new ReadableStream({ start(c) { c.error(new RangeError('cut')); } }).tee();
    return [await outcome(a.getReader().read()), await outcome(b.getReader().closed)];
  });
  await tell('tee pulls as read', async () => {
    let pulled = 0;
    const [a, b] = new ReadableStream({ pull(c) { c.enqueue(++pulled); } }, { highWaterMark: 0 }).tee();
    await pause(1);
    const seen = [pulled];
    const reader = a.getReader();
    await reader.read(); await reader.read(); await pause(1);
    seen.push(pulled);
    return [seen, (await b.getReader().read()).value];
  });

  await tell('for await', () => drain(from('a', 'b')));
  await tell('for await leaves', async () => {
    let why = 'none';
    const source = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(reason) { why = String(reason); } });
    for await (const chunk of source) { if (chunk === 1) break; }
    return [why, source.locked];
  });
  await tell('for await keeps', async () => {
    let why = 'none', n = 0;
    const source = new ReadableStream({ pull(c) { c.enqueue(++n); }, cancel() { why = 'cancelled'; } });
    for await (const chunk of source.values({ preventCancel: true })) break;
    return [why, source.locked];
  });
  await tell('for await fails', async () => {
    const source = new ReadableStream({ pull() { throw new RangeError('dry'); } });
    try { for await (const chunk of source) console.log('no'); } catch (reason) { return [words(reason), source.locked]; }
  });
  await tell('iterator returns before it begins', async () => {
    const source = from(1), iterator = source.values();
    return [source.locked, (await iterator.return('x')).value, source.locked, (await iterator.next()).done];
  });
  await tell('iterator at once', async () => {
    const iterator = from(1, 2).values();
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    return results.map((r) => [r.value === undefined ? 'u' : r.value, r.done]);
  });
  await tell('from', async () => [await drain(ReadableStream.from([1, 2])), await drain(ReadableStream.from('ab')), await drain(ReadableStream.from((async function* () { yield 3; yield 4; })())), await drain(ReadableStream.from(from(5))), await drain(ReadableStream.from([Promise.resolve(6)]))]);
  await tell('from nothing', () => ReadableStream.from(5));
  await tell('from cancels', async () => {
    const seen = [];
    const generator = (function* () { try { yield 1; yield 2; } finally { seen.push('over'); } })();
    const reader = ReadableStream.from(generator).getReader();
    await reader.read();
    await reader.cancel('x');
    return seen;
  });
  await tell('strings as marks', () => { let d; new ReadableStream({ start(c) { d = c.desiredSize; } }, { highWaterMark: '3' }); return d; });
  await tell('order of jobs', async () => {
    const log = [];
    const stream = new ReadableStream({ start() { log.push('start'); }, pull(c) { log.push('pull'); c.enqueue(1); if (log.length > 14) c.close(); } });
    const reader = stream.getReader();
    const first = reader.read().then(() => log.push('first'));
    log.push('asked');
    let jobs = Promise.resolve();
    for (let i = 0; i < 6; i++) jobs = jobs.then(() => log.push(`job ${i}`));
    await first; log.push('after first');
    await reader.read(); log.push('after second');
    await jobs;
    return log;
  });
  await tell('order of written jobs', async () => {
    const log = [];
    const writer = new WritableStream({ start() { log.push('start'); }, write(c) { log.push(`write ${c}`); }, close() { log.push('close'); } }).getWriter();
    writer.ready.then(() => log.push('ready'));
    writer.write(1).then(() => log.push('wrote 1'));
    writer.write(2).then(() => log.push('wrote 2'));
    writer.close().then(() => log.push('closed it'));
    writer.closed.then(() => log.push('closed'));
    let jobs = Promise.resolve();
    for (let i = 0; i < 9; i++) jobs = jobs.then(() => log.push(`job ${i}`));
    await jobs;
    return log;
  });
}
