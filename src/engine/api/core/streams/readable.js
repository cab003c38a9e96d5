// ReadableStream with the default controller and reader (https://streams.spec.whatwg.org/#rs), in k6's words.
// The classes that scripts see are thin: what happens is in Readable and Reader, which scripts never hold.

/// A stream and its controller. A read is an object with chunk(value), close() and error(reason), of which one is called.
class Readable {
  state = 'readable'; // or 'closed', 'errored'
  reason = undefined; // of an errored stream
  reader = null;
  queue = new SizedQueue();
  started = false;
  closeRequested = false;
  #pulling = false;
  #pullAgain = false;

  constructor({ highWaterMark, size }) {
    this.highWaterMark = highWaterMark;
    this.size = size;
    this.controller = new ReadableStreamDefaultController(kInside, this);
  }

  /// `pull` and `cancel` give promises. Nothing is pulled before what `start` returned has been fulfilled.
  begin(start, pull, cancel) {
    this.pull = pull;
    this.onCancel = cancel;
    resolvedWith(start()).then(
      () => {
        this.started = true;
        this.pullIfNeeded();
      },
      (reason) => this.fail(reason),
    );
    return this;
  }

  get desiredSize() {
    if (this.state === 'errored') return null;
    return this.state === 'closed' ? 0 : this.highWaterMark - this.queue.total;
  }
  get takesChunks() {
    return this.state === 'readable' && !this.closeRequested;
  }

  enqueue(chunk) {
    if (this.reader !== null && this.reader.requests.length > 0) {
      this.reader.requests.shift().chunk(chunk);
    } else {
      try {
        this.queue.push(chunk, this.size(chunk));
      } catch (reason) {
        this.fail(reason);
        throw reason;
      }
    }
    this.pullIfNeeded();
  }
  /// Closes once the queue has been read.
  requestClose() {
    this.closeRequested = true;
    if (this.queue.isEmpty) this.#close();
  }
  fail(reason) {
    if (this.state !== 'readable') return;
    this.queue.clear();
    this.#forgetCallbacks();
    this.state = 'errored';
    this.reason = reason;
    if (this.reader === null) return;
    this.reader.closed.rejectQuietly(reason);
    for (const request of this.reader.takeRequests()) request.error(reason);
  }
  cancel(reason) {
    if (this.state === 'closed') return resolvedWith(undefined);
    if (this.state === 'errored') return Promise.reject(this.reason);
    const cancel = this.onCancel;
    this.#close();
    this.queue.clear();
    return cancel(reason).then(ignore);
  }
  read(request) {
    if (this.state === 'closed') return request.close();
    if (this.state === 'errored') return request.error(this.reason);
    if (this.queue.isEmpty) {
      this.reader.requests.push(request);
      return this.pullIfNeeded();
    }
    const chunk = this.queue.shift();
    if (this.closeRequested && this.queue.isEmpty) this.#close();
    else this.pullIfNeeded();
    return request.chunk(chunk);
  }

  pullIfNeeded() {
    const wanted = this.desiredSize > 0 || (this.reader !== null && this.reader.requests.length > 0);
    if (!this.takesChunks || !this.started || !wanted) return;
    if (this.#pulling) {
      this.#pullAgain = true;
      return;
    }
    this.#pulling = true;
    this.pull(this.controller).then(
      () => {
        this.#pulling = false;
        if (!this.#pullAgain) return;
        this.#pullAgain = false;
        this.pullIfNeeded();
      },
      (reason) => this.fail(reason),
    );
  }

  #close() {
    this.#forgetCallbacks();
    this.state = 'closed';
    if (this.reader === null) return;
    this.reader.closed.resolve();
    for (const request of this.reader.takeRequests()) request.close();
  }
  /// What they hold shall not live as long as the stream.
  #forgetCallbacks() {
    this.pull = this.onCancel = this.size = undefined;
  }
}

/// The one that may read a stream. Without a stream it has been released.
class Reader {
  requests = [];
  constructor(stream) {
    if (stream.reader !== null) throw new TypeError('stream is locked');
    this.stream = stream;
    stream.reader = this;
    if (stream.state === 'readable') this.closed = new Deferred();
    else this.closed = stream.state === 'closed' ? Deferred.resolved() : Deferred.rejected(stream.reason);
  }
  takeRequests() {
    const requests = this.requests;
    this.requests = [];
    return requests;
  }
  release() {
    if (this.stream === undefined) return;
    const readable = this.stream.state === 'readable';
    const reason = new TypeError(readable ? 'stream is readable' : 'stream is not readable');
    if (readable) this.closed.rejectQuietly(reason);
    else this.closed = Deferred.rejected(reason);
    this.stream.reader = null;
    this.stream = undefined;
    for (const request of this.takeRequests()) request.error(new TypeError('reader released'));
  }
  read() {
    return new Promise((resolve, reject) => {
      if (this.stream === undefined) throw new TypeError('stream is undefined');
      this.stream.read({
        chunk: (value) => resolve({ value, done: false }),
        close: () => resolve({ value: undefined, done: true }),
        error: reject,
      });
    });
  }
  cancel(reason) {
    return this.stream === undefined ? Promise.reject(new TypeError('stream is undefined')) : this.stream.cancel(reason);
  }
}

class ReadableStreamDefaultController {
  #readable;
  constructor(token, readable) {
    refuseOutsiders(token);
    this.#readable = readable;
  }
  get desiredSize() {
    return this.#readable.desiredSize;
  }
  close() {
    if (!this.#readable.takesChunks) throw new TypeError('cannot close or enqueue');
    this.#readable.requestClose();
  }
  enqueue(chunk) {
    if (!this.#readable.takesChunks) throw new TypeError('cannot close or enqueue');
    this.#readable.enqueue(chunk);
  }
  error(reason) {
    this.#readable.fail(reason);
  }
}

class ReadableStreamDefaultReader {
  #reader;
  constructor(stream) {
    if (arguments.length === 0) throw new TypeError('ReadableStreamDefaultReader takes a single argument');
    const readable = readableOf(stream);
    if (readable === undefined) throw new TypeError('ReadableStreamDefaultReader argument must be a ReadableStream');
    this.#reader = new Reader(readable);
  }
  get closed() {
    return this.#reader.closed.promise;
  }
  read() {
    return this.#reader.read();
  }
  cancel(reason) {
    return this.#reader.cancel(reason);
  }
  releaseLock() {
    this.#reader.release();
  }
}

/// for await (const chunk of stream): each next() begins when the one before has ended.
class ReadableStreamChunks {
  #reader;
  #preventCancel;
  #last = resolvedWith(undefined);
  #over = false;
  constructor(token, readable, preventCancel) {
    refuseOutsiders(token);
    this.#reader = new Reader(readable);
    this.#preventCancel = preventCancel;
  }
  next() {
    return this.#afterTheLast(async () => {
      if (this.#over) return { value: undefined, done: true };
      let result;
      try {
        result = await this.#reader.read();
      } catch (reason) {
        this.#finish();
        throw reason;
      }
      if (result.done) this.#finish();
      return result;
    });
  }
  return(value) {
    return this.#afterTheLast(async () => {
      if (!this.#over) {
        const cancelled = this.#preventCancel ? undefined : this.#reader.cancel(value);
        this.#finish();
        await cancelled;
      }
      return { value, done: true };
    });
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  #finish() {
    this.#over = true;
    this.#reader.release();
  }
  #afterTheLast(step) {
    const result = this.#last.then(step);
    this.#last = result.then(ignore, ignore);
    return result;
  }
}

/// Two streams that get what one gives; it is cancelled when both are.
function tee(source) {
  const reader = new Reader(source);
  const branches = [];
  const cancelled = [false, false];
  const reasons = [undefined, undefined];
  const whenCancelled = new Deferred();
  let reading = false;
  let readAgain = false;
  const open = () => branches.filter((_, index) => !cancelled[index]);
  const end = () => {
    if (!cancelled[0] || !cancelled[1]) whenCancelled.resolve();
  };
  const pull = () => {
    if (reading) {
      readAgain = true;
      return resolvedWith(undefined);
    }
    reading = true;
    source.read({
      // A job of its own, so that an error that comes at the same time is seen by both branches before the chunk.
      chunk: (value) =>
        queueMicrotask(() => {
          readAgain = false;
          for (const branch of open()) if (branch.takesChunks) branch.enqueue(value);
          reading = false;
          if (readAgain) pull();
        }),
      close: () => {
        reading = false;
        for (const branch of open()) if (branch.takesChunks) branch.requestClose();
        end();
      },
      error: () => {
        reading = false;
      },
    });
    return resolvedWith(undefined);
  };
  const cancelBranch = (index) => (reason) => {
    cancelled[index] = true;
    reasons[index] = reason;
    if (cancelled[0] && cancelled[1]) whenCancelled.resolve(source.cancel(reasons));
    return whenCancelled.promise;
  };
  for (const index of [0, 1]) branches.push(new Readable(strategyOf(undefined, 1)).begin(ignore, pull, cancelBranch(index)));
  reader.closed.promise.catch((reason) => {
    for (const branch of branches) branch.fail(reason);
    end();
  });
  return branches;
}

let readableOf; // the Readable of a ReadableStream; undefined for anything else
let streamOf; // the other way round: a new ReadableStream of a Readable

class ReadableStream {
  #readable;
  static {
    readableOf = (stream) => (isObject(stream) && #readable in stream ? stream.#readable : undefined);
    streamOf = (readable) => new ReadableStream(kInside, readable);
  }
  constructor(source = {}, strategy = undefined) {
    if (source === kInside) {
      this.#readable = strategy;
      return;
    }
    if (!isObject(source)) throw new TypeError('underlyingSource must be an object');
    const { type } = source;
    if (type === 'bytes') throw notSupported("'bytes' stream");
    if (type !== undefined) throw new TypeError('invalid underlying source type');
    const name = 'underlyingSource';
    const [cancel, pull, start] = ['cancel', 'pull', 'start'].map((member) => callbackOf(source, name, member));
    this.#readable = new Readable(strategyOf(strategy, 1));
    const started = () => (start === undefined ? undefined : Reflect.apply(start, source, [this.#readable.controller]));
    this.#readable.begin(started, asynchronous(pull, source), asynchronous(cancel, source));
  }
  /// What an iterable gives, asked for as it is read.
  static from(iterable) {
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function' && typeof iterable?.[Symbol.iterator] !== 'function') {
      throw new TypeError('ReadableStream.from takes an iterable');
    }
    const iterator = (async function* () {
      yield* iterable;
    })();
    const readable = new Readable({ highWaterMark: 0, size: sizeOne });
    const pull = async () => {
      const { value, done } = await iterator.next();
      if (done) readable.requestClose();
      else readable.enqueue(value);
    };
    return streamOf(readable.begin(ignore, pull, async (reason) => iterator.return(reason)));
  }
  get locked() {
    return this.#readable.reader !== null;
  }
  cancel(reason) {
    return this.locked ? Promise.reject(new TypeError('cannot cancel a locked stream')) : this.#readable.cancel(reason);
  }
  getReader(options = undefined) {
    if (options !== undefined && options !== null && !isObject(options)) throw new TypeError('the options of getReader() must be an object');
    const mode = options?.mode;
    if (mode === 'byob') throw notSupported("'byob' mode");
    if (mode !== undefined) throw new TypeError("options.mode is not 'byob'");
    return new ReadableStreamDefaultReader(this);
  }
  tee() {
    return tee(this.#readable).map(streamOf);
  }
  pipeTo(destination, options = undefined) {
    return pipe(this, destination, options);
  }
  pipeThrough(transform, options = undefined) {
    handled(pipe(this, transform.writable, options));
    return transform.readable;
  }
  values(options = undefined) {
    return new ReadableStreamChunks(kInside, this.#readable, Boolean(options?.preventCancel));
  }
  [Symbol.asyncIterator](options) {
    return this.values(options);
  }
}
