// What flows from a readable into a writable stream (https://streams.spec.whatwg.org/#rs-pipe-to).

/// A promise that is fulfilled when all has been written and, unless options prevent it, the writable stream closed.
/// Errors go on to the other side unless options prevent that.
function pipe(from, to, options) {
  const readable = readableOf(from);
  const writable = writableOf(to);
  if (readable === undefined) return Promise.reject(new TypeError('pipeTo() reads from a ReadableStream'));
  if (writable === undefined) return Promise.reject(new TypeError('pipeTo() writes to a WritableStream'));
  if (options?.signal !== undefined) return Promise.reject(new TypeError('pipeTo() takes no signal'));
  if (readable.reader !== null || writable.writer !== null) return Promise.reject(new TypeError('stream is locked'));
  const reader = new Reader(readable);
  const writer = new Writer(writable);
  const { preventClose, preventAbort, preventCancel } = options ?? {};
  const done = new Deferred();
  let lastWrite = resolvedWith(undefined);
  let ending = false;

  const finish = (failure) => {
    writer.release();
    reader.release();
    if (failure === undefined) done.resolve();
    else done.reject(failure.reason);
  };
  const lastWriteEnded = async () => {
    for (let seen; seen !== lastWrite; ) {
      seen = lastWrite;
      await seen;
    }
  };
  /// Nothing more is read. What has been read is written, then `action` is done, and both streams are let go.
  const end = async (action, failure) => {
    if (ending) return;
    ending = true;
    if (writable.state === 'writable' && !writable.closeQueued) await lastWriteEnded();
    try {
      await action();
      finish(failure);
    } catch (reason) {
      finish({ reason });
    }
  };
  const write = (chunk) => {
    lastWrite = handled(writer.write(chunk)).then(ignore, ignore);
  };
  /// One chunk when there is room; gives true when there are no more.
  const step = async () => {
    await writer.ready.promise;
    if (ending) return true;
    return new Promise((resolve, reject) => {
      readable.read({
        chunk: (chunk) => {
          write(chunk);
          resolve(false);
        },
        close: () => resolve(true),
        error: reject,
      });
    });
  };
  const flow = async () => {
    while (!ending && !(await step()));
  };

  const readFailed = (reason) => end(preventAbort ? ignore : () => writable.abort(reason), { reason });
  const writeFailed = (reason) => end(preventCancel ? ignore : () => readable.cancel(reason), { reason });
  const readEnded = () => end(preventClose ? ignore : () => writer.closeOrTellWhy());
  if (readable.state === 'errored') readFailed(readable.reason);
  else if (writable.state === 'errored') writeFailed(writable.reason);
  else if (readable.state === 'closed') readEnded();
  else if (writable.closeQueued || writable.state === 'closed') writeFailed(new TypeError('the destination is closing or closed'));
  reader.closed.promise.then(readEnded, readFailed);
  writer.closed.promise.catch(writeFailed);
  handled(flow());
  return done.promise;
}
