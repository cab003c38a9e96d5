// How much a stream may hold: queues that know the size of their chunks, and the strategies that give sizes.

/// First in, first out, with the sum of the sizes. A list, since an array moves all its elements for each that leaves.
class SizedQueue {
  total = 0;
  #first = null;
  #last = null;

  get isEmpty() {
    return this.#first === null;
  }
  push(chunk, size) {
    const number = Number(size);
    if (!(number >= 0) || number === Infinity) throw new RangeError('size must be a finite, non-NaN number');
    const entry = { chunk, size: number, next: null };
    if (this.#first === null) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.total += number;
  }
  peek() {
    return this.#first.chunk;
  }
  shift() {
    const { chunk, size, next } = this.#first;
    this.#first = next;
    // Sums of fractions drift; an empty queue holds nothing.
    this.total = next === null ? 0 : Math.max(0, this.total - size);
    return chunk;
  }
  clear() {
    this.#first = this.#last = null;
    this.total = 0;
  }
}

/// {highWaterMark, size} of a stream's second argument. size() never sees the strategy as `this`.
function strategyOf(given, defaultMark) {
  if (given === undefined || given === null) return { highWaterMark: defaultMark, size: () => 1 };
  if (!isObject(given)) throw new TypeError('the queuing strategy must be an object');
  const { highWaterMark: mark, size } = given;
  const highWaterMark = mark === undefined || mark === null ? defaultMark : Number(mark);
  if (!(highWaterMark >= 0)) throw new RangeError('highWaterMark must be a non-negative number');
  if (size !== undefined && size !== null && typeof size !== 'function') throw new TypeError('size must be a function');
  return { highWaterMark, size: size ? (chunk) => size(chunk) : () => 1 };
}

function markOf(name, count, given) {
  if (count === 0) throw new TypeError(`${name} takes a single argument`);
  if (!isObject(given)) throw new TypeError(`${name} argument must be an object`);
  const mark = given.highWaterMark;
  if (mark === undefined) throw new TypeError(`${name} argument must have 'highWaterMark' property`);
  return Number(mark);
}

const sizeOne = () => 1;
const sizeInBytes = (chunk) => chunk.byteLength;

class CountQueuingStrategy {
  #mark;
  constructor(init) {
    this.#mark = markOf('CountQueuingStrategy', arguments.length, init);
  }
  get highWaterMark() {
    return this.#mark;
  }
  get size() {
    return sizeOne;
  }
}

class ByteLengthQueuingStrategy {
  #mark;
  constructor(init) {
    this.#mark = markOf('ByteLengthQueuingStrategy', arguments.length, init);
  }
  get highWaterMark() {
    return this.#mark;
  }
  get size() {
    return sizeInBytes;
  }
}
