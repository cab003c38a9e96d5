// WritableStream with the default controller and writer (https://streams.spec.whatwg.org/#ws), which k6 has from 2.0 on.
// As in readable.js, what happens is in Writable and Writer.

/// What stands in the queue for the close() that comes after the chunks before it.
const kClose = Symbol('close');

/// A stream and its controller. An error passes through 'erroring', where what the sink does now is waited for.
class Writable {
  state = 'writable'; // then 'closed', or 'erroring' and 'errored'
  reason = undefined; // from 'erroring' on
  writer = null;
  backpressure = false;
  #queue = new SizedQueue();
  #started = false;
  #writes = []; // Deferreds of the chunks in the queue
  #writeInFlight = null;
  #closing = null;
  #closeInFlight = null;
  #abort = null;

  constructor({ highWaterMark, size }) {
    this.highWaterMark = highWaterMark;
    this.size = size;
    this.controller = new WritableStreamDefaultController(kInside, this);
    this.backpressure = this.#isFull;
  }
  /// `sink` has write(chunk, controller), close() and abort(reason), which give promises.
  begin(start, sink) {
    this.sink = sink;
    resolvedWith(start()).then(
      () => {
        this.#started = true;
        this.#advance();
      },
      (reason) => {
        this.#started = true;
        this.#failedInSink(reason);
      },
    );
    return this;
  }

  get desiredSize() {
    if (this.state === 'errored' || this.state === 'erroring') return null;
    return this.state === 'closed' ? 0 : this.highWaterMark - this.#queue.total;
  }
  get closeQueued() {
    return this.#closing !== null || this.#closeInFlight !== null;
  }
  get #isFull() {
    return this.highWaterMark - this.#queue.total <= 0;
  }

  /// The size of a chunk by the script's function; where that throws, the stream fails.
  sizeOf(chunk) {
    if (this.size === undefined) return 1; // closing or failed: the size does not matter any more
    try {
      return this.size(chunk);
    } catch (reason) {
      this.fail(reason);
      return 1;
    }
  }
  write(chunk, size) {
    const written = new Deferred();
    this.#writes.push(written);
    try {
      this.#queue.push(chunk, size);
    } catch (reason) {
      this.fail(reason);
      return written.promise;
    }
    this.#updateBackpressure();
    this.#advance();
    return written.promise;
  }
  close() {
    if (this.state === 'closed' || this.state === 'errored') return Promise.reject(new TypeError(`stream is ${this.state}`));
    this.#closing = new Deferred();
    const { promise } = this.#closing;
    if (this.writer !== null && this.backpressure && this.state === 'writable') this.writer.ready.resolve();
    this.#queue.push(kClose, 0);
    this.#advance();
    return promise;
  }
  abort(reason) {
    if (this.state === 'closed' || this.state === 'errored') return resolvedWith(undefined);
    if (this.#abort !== null) return this.#abort.promise;
    const wasErroring = this.state === 'erroring';
    const abort = new Deferred();
    abort.reason = wasErroring ? undefined : reason;
    abort.wasErroring = wasErroring;
    this.#abort = abort;
    if (!wasErroring) this.#startErroring(reason);
    return abort.promise;
  }
  fail(reason) {
    if (this.state !== 'writable') return;
    this.#startErroring(reason);
  }

  #updateBackpressure() {
    if (this.closeQueued || this.state !== 'writable') return;
    const full = this.#isFull;
    if (this.writer !== null && full !== this.backpressure) {
      if (full) this.writer.ready = new Deferred();
      else this.writer.ready.resolve();
    }
    this.backpressure = full;
  }
  #advance() {
    if (!this.#started || this.#writeInFlight !== null) return;
    if (this.state === 'erroring') {
      this.#finishErroring();
    } else if (!this.#queue.isEmpty) {
      const chunk = this.#queue.peek();
      if (chunk === kClose) this.#closeSink();
      else this.#writeToSink(chunk);
    }
  }
  #writeToSink(chunk) {
    this.#writeInFlight = this.#writes.shift();
    this.sink.write(chunk, this.controller).then(
      () => {
        this.#takeInFlight().resolve();
        // An error meanwhile empties the queue only when this write is over.
        this.#queue.shift();
        this.#updateBackpressure();
        this.#advance();
      },
      (reason) => {
        this.#takeInFlight().reject(reason);
        this.#failedInSink(reason);
      },
    );
  }
  #takeInFlight() {
    const written = this.#writeInFlight;
    this.#writeInFlight = null;
    return written;
  }
  #closeSink() {
    this.#closeInFlight = this.#closing;
    this.#closing = null;
    this.#queue.shift();
    const closed = this.sink.close();
    this.#forgetSink();
    closed.then(
      () => {
        this.#takeClose().resolve();
        if (this.state === 'erroring') {
          // It closed after all: what was to abort it has nothing left to do.
          this.reason = undefined;
          this.#takeAbort()?.resolve();
        }
        this.state = 'closed';
        if (this.writer !== null) this.writer.closed.resolve();
      },
      (reason) => {
        this.#takeClose().reject(reason);
        this.#takeAbort()?.reject(reason);
        this.#failedInSink(reason);
      },
    );
  }
  #takeClose() {
    const closing = this.#closeInFlight;
    this.#closeInFlight = null;
    return closing;
  }
  #takeAbort() {
    const abort = this.#abort;
    this.#abort = null;
    return abort;
  }

  #failedInSink(reason) {
    if (this.state === 'writable') this.#startErroring(reason);
    else this.#finishErroring();
  }
  #startErroring(reason) {
    this.state = 'erroring';
    this.reason = reason;
    if (this.#abort === null) this.#forgetSink();
    if (this.writer !== null) this.writer.refuse(reason);
    if (this.#writeInFlight === null && this.#closeInFlight === null && this.#started) this.#finishErroring();
  }
  #finishErroring() {
    this.state = 'errored';
    this.#queue.clear();
    for (const written of this.#writes.splice(0)) written.reject(this.reason);
    const abort = this.#takeAbort();
    if (abort === null || abort.wasErroring) {
      if (abort !== null) abort.reject(this.reason);
      this.#rejectClosing();
      return;
    }
    const aborted = this.sink.abort(abort.reason);
    this.#forgetSink();
    aborted.then(
      () => {
        abort.resolve();
        this.#rejectClosing();
      },
      (reason) => {
        abort.reject(reason);
        this.#rejectClosing();
      },
    );
  }
  #rejectClosing() {
    if (this.#closing !== null) {
      this.#closing.reject(this.reason);
      this.#closing = null;
    }
    if (this.writer !== null) this.writer.closed.rejectQuietly(this.reason);
  }
  /// What it holds shall not live as long as the stream.
  #forgetSink() {
    this.sink = this.size = undefined;
  }
}

/// The one that may write to a stream. Without a stream it has been released.
class Writer {
  constructor(stream) {
    if (stream.writer !== null) throw new TypeError('stream is locked');
    this.stream = stream;
    stream.writer = this;
    const { state, reason } = stream;
    const waits = state === 'writable' && !stream.closeQueued && stream.backpressure;
    this.ready = waits ? new Deferred() : Deferred.resolved();
    this.closed = state === 'closed' ? Deferred.resolved() : new Deferred();
    if (state === 'erroring' || state === 'errored') this.ready = Deferred.rejected(reason);
    if (state === 'errored') this.closed = Deferred.rejected(reason);
  }
  get desiredSize() {
    if (this.stream === undefined) throw new TypeError('writer released');
    return this.stream.desiredSize;
  }
  write(chunk) {
    const { stream } = this;
    if (stream === undefined) return Promise.reject(new TypeError('writer released'));
    const size = stream.sizeOf(chunk);
    // The script's size() may have released this writer or failed the stream.
    if (this.stream !== stream) return Promise.reject(new TypeError('writer released'));
    const { state } = stream;
    if (state === 'errored') return Promise.reject(stream.reason);
    if (stream.closeQueued || state === 'closed') return Promise.reject(new TypeError('stream is closing or closed'));
    if (state === 'erroring') return Promise.reject(stream.reason);
    return stream.write(chunk, size);
  }
  close() {
    if (this.stream === undefined) return Promise.reject(new TypeError('writer released'));
    if (this.stream.closeQueued) return Promise.reject(new TypeError('stream is closing or closed'));
    return this.stream.close();
  }
  /// For pipes: a stream that is closed already is no error.
  closeOrTellWhy() {
    const { stream } = this;
    if (stream.closeQueued || stream.state === 'closed') return resolvedWith(undefined);
    return stream.state === 'errored' ? Promise.reject(stream.reason) : stream.close();
  }
  abort(reason) {
    return this.stream === undefined ? Promise.reject(new TypeError('writer released')) : this.stream.abort(reason);
  }
  /// Nobody is to wait for room any more.
  refuse(reason) {
    if (this.ready.pending) this.ready.rejectQuietly(reason);
    else this.ready = Deferred.rejected(reason);
  }
  release() {
    if (this.stream === undefined) return;
    const reason = new TypeError('writer released');
    this.refuse(reason);
    if (this.closed.pending) this.closed.rejectQuietly(reason);
    else this.closed = Deferred.rejected(reason);
    this.stream.writer = null;
    this.stream = undefined;
  }
}

class WritableStreamDefaultController {
  #writable;
  constructor(token, writable) {
    refuseOutsiders(token);
    this.#writable = writable;
  }
  error(reason) {
    this.#writable.fail(reason);
  }
}

class WritableStreamDefaultWriter {
  #writer;
  constructor(stream) {
    const writable = writableOf(stream);
    if (writable === undefined) throw new TypeError('WritableStreamDefaultWriter argument must be a WritableStream');
    this.#writer = new Writer(writable);
  }
  get closed() {
    return this.#writer.closed.promise;
  }
  get ready() {
    return this.#writer.ready.promise;
  }
  get desiredSize() {
    return this.#writer.desiredSize;
  }
  write(chunk) {
    return this.#writer.write(chunk);
  }
  close() {
    return this.#writer.close();
  }
  abort(reason) {
    return this.#writer.abort(reason);
  }
  releaseLock() {
    this.#writer.release();
  }
}

let writableOf; // the Writable of a WritableStream; undefined for anything else

class WritableStream {
  #writable;
  static {
    writableOf = (stream) => (isObject(stream) && #writable in stream ? stream.#writable : undefined);
  }
  constructor(sink = {}, strategy = undefined) {
    if (!isObject(sink)) throw new TypeError('underlyingSink must be an object');
    if (sink.type !== undefined) throw new RangeError('invalid underlying sink type');
    const name = 'underlyingSink';
    const [abort, close, start, write] = ['abort', 'close', 'start', 'write'].map((member) => callbackOf(sink, name, member));
    const writable = (this.#writable = new Writable(strategyOf(strategy, 1)));
    const started = () => (start === undefined ? undefined : Reflect.apply(start, sink, [writable.controller]));
    writable.begin(started, {
      write: asynchronous(write, sink),
      close: asynchronous(close, sink),
      abort: asynchronous(abort, sink),
    });
  }
  get locked() {
    return this.#writable.writer !== null;
  }
  abort(reason) {
    return this.locked ? Promise.reject(new TypeError('cannot abort a locked stream')) : this.#writable.abort(reason);
  }
  close() {
    if (this.locked) return Promise.reject(new TypeError('cannot close a locked stream'));
    if (this.#writable.closeQueued) return Promise.reject(new TypeError('stream is closing or closed'));
    return this.#writable.close();
  }
  getWriter() {
    return new WritableStreamDefaultWriter(this);
  }
}
