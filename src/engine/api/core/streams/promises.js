// What the other files here need of promises. All files of this folder are one program, in the order of streams.cpp.
'use strict';

/// A promise that somebody else settles. `pending` tells whether that has happened.
class Deferred {
  constructor() {
    this.pending = true;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = (value) => {
        this.pending = false;
        resolve(value);
      };
      this.reject = (reason) => {
        this.pending = false;
        reject(reason);
      };
    });
  }
  static resolved() {
    const made = new Deferred();
    made.resolve();
    return made;
  }
  /// Rejected, and nobody has to look at it.
  static rejected(reason) {
    const made = new Deferred();
    made.rejectQuietly(reason);
    return made;
  }
  rejectQuietly(reason) {
    this.reject(reason);
    handled(this.promise);
  }
}

const ignore = () => {};

/// The same promise, whose rejection is not reported when nobody looks at it.
function handled(promise) {
  promise.then(ignore, ignore);
  return promise;
}

/// Not Promise.resolve(): what is a promise already takes its turn in the queue of jobs, too, as the standard has it.
const resolvedWith = (value) => new Promise((resolve) => resolve(value));

/// A callback of the script as a function that never throws and always gives a promise; nothing at all when there is none.
function asynchronous(callback, owner) {
  if (callback === undefined) return () => resolvedWith(undefined);
  return (...values) => {
    try {
      return resolvedWith(Reflect.apply(callback, owner, values));
    } catch (reason) {
      return Promise.reject(reason);
    }
  };
}

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

/// A member of what the script gives a stream to work with: a function, or undefined.
function callbackOf(given, owner, name) {
  const callback = given[name];
  if (callback !== undefined && typeof callback !== 'function') throw new TypeError(`${owner}.[[${name}]] must be a function`);
  return callback;
}

/// What k6 says of what its streams cannot do; they have no bytes, either.
function notSupported(what) {
  const error = new Error(`NotSupportedError:${what} is not supported yet`);
  error.name = 'GoError';
  return error;
}

/// What constructors take only from here: objects that belong to a stream are made with it.
const kInside = Symbol('inside');
function refuseOutsiders(token) {
  if (token !== kInside) throw new TypeError('Illegal constructor');
}
