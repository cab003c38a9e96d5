// structuredClone() of https://html.spec.whatwg.org/multipage/structured-data.html, for what scripts have; without transfers.

const errorKinds = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

const structuredClone = (given) => {
  const made = new Map();  // what has been met, so that it stays one object and circles end
  const keep = (from, to) => {
    made.set(from, to);
    return to;
  };
  const refuse = (what) => {
    throw new DOMException(`${what} cannot be cloned`, 'DataCloneError');
  };
  const kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const clone = (value) => {
    if (typeof value === 'function' || typeof value === 'symbol') refuse(typeof value === 'symbol' ? 'a symbol' : 'a function');
    if (typeof value !== 'object' || value === null) return value;
    if (made.has(value)) return made.get(value);
    if (ArrayBuffer.isView(value)) {
      const buffer = clone(value.buffer);
      return keep(value, new value.constructor(buffer, value.byteOffset, value instanceof DataView ? value.byteLength : value.length));
    }
    if (value instanceof ArrayBuffer) return keep(value, value.slice(0));
    if (value instanceof Date) return keep(value, new Date(value.getTime()));
    if (value instanceof RegExp) return keep(value, new RegExp(value.source, value.flags));
    if (value instanceof Boolean || value instanceof Number || value instanceof String) return keep(value, Object(value.valueOf()));
    if (value instanceof Map) {
      const copy = keep(value, new Map());
      for (const [key, item] of [...value]) copy.set(clone(key), clone(item));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(value, new Set());
      for (const item of [...value]) copy.add(clone(item));
      return copy;
    }
    if (Error.isError(value)) {
      const kind = (Object.hasOwn(errorKinds, value.name) ? errorKinds[value.name] : Error);
      const copy = keep(value, new kind(value.message));
      copy.stack = value.stack;
      if ('cause' in value) copy.cause = clone(value.cause);
      return copy;
    }
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) refuse(`a ${kindOf(value)}`);
    const copy = keep(value, Array.isArray(value) ? new Array(value.length) : {});
    // An own "__proto__" is a property like any other.
    for (const key of Object.keys(value)) Object.defineProperty(copy, key, { value: clone(value[key]), writable: true, enumerable: true, configurable: true });
    return copy;
  };
  return clone(given);
};
