// fetch() with what belongs to it, as far as the standard (https://fetch.spec.whatwg.org, https://dom.spec.whatwg.org) has a meaning without a
// page: no CORS, no cache, cookies are the virtual user's. On k6/http, which `abort` ends a request of.
const makeFetch = (http, { ReadableStream }, { Blob }, { setTimeout, clearTimeout }, abort) => {
  const named = (name, message) => new DOMException(message, name);
  const inside = Symbol('inside');  // lets constructors tell the engine's calls from a script's
  const take = Symbol('take'), share = Symbol('share');

  class AbortSignal {
    #listeners = new Set();
    #reason;
    #aborted = false;
    #due;  // of timeout(); a timer runs only while somebody listens, so that none keeps an iteration going
    #sources;  // of any(), which listens to them only while somebody listens to it
    #timer;
    #onabort = null;
    #hear = () => this.#look();

    constructor(key, due = Infinity, sources = []) {
      if (key !== inside) throw new TypeError('Illegal constructor: an AbortController makes signals');
      this.#due = due;
      this.#sources = sources;
    }
    static abort(reason = named('AbortError', 'This operation was aborted')) {
      const signal = new AbortSignal(inside);
      signal.#abort(reason);
      return signal;
    }
    static timeout(milliseconds) { return new AbortSignal(inside, Date.now() + Math.max(0, Number(milliseconds) || 0)); }
    static any(signals) { return new AbortSignal(inside, Infinity, [...signals]); }
    static [inside](signal, reason) { signal.#abort(reason); }

    #abort(reason) {
      if (this.#aborted) return;
      this.#aborted = true;
      this.#reason = reason;
      const event = { type: 'abort', target: this };
      const listeners = [...this.#listeners];
      this.#listeners.clear();
      this.#arm();
      for (const listener of [this.#onabort, ...listeners]) {
        try { listener?.call(this, event); } catch (problem) { Promise.reject(problem); }  // told as nobody's, and the others hear of it
      }
    }
    #look() {
      if (this.#aborted) return;
      if (Date.now() >= this.#due) this.#abort(named('TimeoutError', 'The operation was aborted due to timeout'));
      const source = this.#sources.find((one) => one.aborted);
      if (source) this.#abort(source.reason);
    }
    #arm() {
      const heard = !this.#aborted && (this.#listeners.size > 0 || this.#onabort !== null);
      for (const source of this.#sources) {
        if (heard) source.#listeners.add(this.#hear);
        else source.#listeners.delete(this.#hear);
        source.#arm();
      }
      clearTimeout(this.#timer);
      const timed = heard && this.#due !== Infinity;
      this.#timer = timed ? setTimeout(() => { this.#look(); this.#arm(); }, Math.max(1, this.#due - Date.now())) : undefined;
    }
    get aborted() { this.#look(); return this.#aborted; }
    get reason() { this.#look(); return this.#reason; }
    throwIfAborted() { if (this.aborted) throw this.#reason; }
    get onabort() { return this.#onabort; }
    set onabort(listener) {
      this.#onabort = typeof listener === 'function' ? listener : null;
      this.#arm();
    }
    addEventListener(type, listener) {
      if (type !== 'abort' || typeof listener !== 'function' || this.aborted) return;
      this.#listeners.add(listener);
      this.#arm();
    }
    removeEventListener(type, listener) {
      if (type === 'abort' && this.#listeners.delete(listener)) this.#arm();
    }
    get [Symbol.toStringTag]() { return 'AbortSignal'; }
  }

  class AbortController {
    #signal = new AbortSignal(inside);
    get signal() { return this.#signal; }
    abort(reason = named('AbortError', 'This operation was aborted')) { AbortSignal[inside](this.#signal, reason); }
    get [Symbol.toStringTag]() { return 'AbortController'; }
  }

  const headerName = (name) => {
    const text = String(name);
    if (!/^[!#$%&'*+\-.^_`|~\w]+$/.test(text)) throw new TypeError(`Headers: ${JSON.stringify(text)} is no name of a header`);
    return text.toLowerCase();
  };
  const headerValue = (value) => {
    const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
    if (/[\0\r\n]|[^\0-\xff]/.test(text)) throw new TypeError('Headers: a value has no line breaks and no characters beyond Latin-1');
    return text;
  };

  class Headers {
    #values = new Map();
    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init !== 'object') throw new TypeError('Headers takes an object, a list of pairs or Headers');
      const pairs = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
      for (const pair of pairs) {
        const [name, value, more] = pair;
        if (value === undefined || more !== undefined) throw new TypeError('Headers takes pairs of a name and a value');
        this.append(name, value);
      }
    }
    append(name, value) {
      const key = headerName(name);
      const list = this.#values.get(key) ?? [];
      list.push(headerValue(value));
      this.#values.set(key, list);
    }
    delete(name) { this.#values.delete(headerName(name)); }
    get(name) { return this.#values.get(headerName(name))?.join(', ') ?? null; }
    getSetCookie() { return [...(this.#values.get('set-cookie') ?? [])]; }
    has(name) { return this.#values.has(headerName(name)); }
    set(name, value) { this.#values.set(headerName(name), [headerValue(value)]); }
    *entries() {
      for (const key of [...this.#values.keys()].sort()) {
        if (key !== 'set-cookie') yield [key, this.get(key)];
        else for (const cookie of this.getSetCookie()) yield [key, cookie];
      }
    }
    *keys() { for (const [key] of this.entries()) yield key; }
    *values() { for (const [, value] of this.entries()) yield value; }
    forEach(visit, self) { for (const [key, value] of this.entries()) visit.call(self, value, key, this); }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'Headers'; }
  }

  const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  const bytesOf = (value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength));

  const isFile = (value) => typeof value?.stat === 'function';  // of k6/experimental/fs
  async function* readFile(file) {
    await file.seek(0, 0);
    const part = new Uint8Array(65536);
    for (let size; (size = await file.read(part)) !== null;) yield part.slice(0, size);
  }

  // What may be given as a body, and the Content-Type that goes with it.
  const extract = (body) => {
    if (body === undefined || body === null) return [null, null];
    if (isBytes(body)) return [bytesOf(body).slice(), null];
    if (body instanceof ReadableStream || isFile(body)) return [body, null];
    if (body instanceof Blob) return [body.stream(), body.type || null];
    const text = String(body);
    if (text === '[object Object]') throw new TypeError('a body is text, bytes, a stream, URLSearchParams, a Blob or a File: give an object as JSON.stringify(object)');
    return [text, body.constructor?.name === 'URLSearchParams' ? 'application/x-www-form-urlencoded;charset=UTF-8' : 'text/plain;charset=UTF-8'];
  };

  class Body {
    #source;  // null, text, bytes, a File, a ReadableStream, or an iterator of bytes
    #cancel;  // ends an iterator that may be waiting for bytes
    #stream = null;
    #used = false;
    constructor(source, cancel) {
      this.#source = source;
      this.#cancel = cancel;
    }
    get body() {
      if (this.#source === null || this.#stream) return this.#stream;
      if (this.#source instanceof ReadableStream) return this.#stream = this.#source;
      const chunks = this.#chunks();
      const stream = new ReadableStream({
        pull: async (controller) => {
          if (this.#stream === stream) this.#used = true;
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => {
          this.#used = true;
          return this.#cancel ? this.#cancel() : chunks.return();
        },
      }, { highWaterMark: 0 });
      return this.#stream = stream;
    }
    get bodyUsed() { return this.#used; }
    #chunks() {
      if (typeof this.#source === 'string') return (async function* (text) { if (text !== '') yield new TextEncoder().encode(text); })(this.#source);
      if (isBytes(this.#source)) return (async function* (bytes) { yield bytes.slice(); })(this.#source);
      if (isFile(this.#source)) return readFile(this.#source);
      return this.#source ?? (async function* () {})();
    }
    async bytes() {
      const chunks = [];
      let size = 0;
      const source = this[take]();
      for await (const chunk of this.#stream ?? (source instanceof ReadableStream ? source : this.#chunks())) {
        chunks.push(chunk);
        size += chunk.length;
      }
      if (chunks.length === 1) return chunks[0];
      const all = new Uint8Array(size);
      let at = 0;
      for (const chunk of chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      return all;
    }
    async arrayBuffer() {
      const all = await this.bytes();
      return all.byteLength === all.buffer.byteLength ? all.buffer : all.slice().buffer;
    }
    async text() { return new TextDecoder().decode(await this.bytes()); }
    async json() { return JSON.parse(await this.text()); }
    async blob() { return new Blob([await this.bytes()], { type: this.headers.get('Content-Type') ?? '' }); }
    /** The source, which nobody else reads then. */
    [take]() {
      if (this.#used || this.#stream?.locked) throw new TypeError('the body has been read already');
      this.#used = this.#source !== null;
      return this.#stream ?? this.#source;
    }
    /** Of clone(): what two may read. */
    [share]() {
      if (this.#used || this.#stream?.locked) throw new TypeError('a body that has been read cannot be cloned');
      if (this.#source === null || typeof this.#source === 'string' || isBytes(this.#source) || isFile(this.#source)) return this.#source;
      const [mine, other] = this.body.tee();
      this.#source = this.#stream = mine;
      this.#used = false;
      return other;
    }
  }

  class Request extends Body {
    #init;
    constructor(input, init) {
      init ??= {};
      const of = input instanceof Request ? input : null;
      const [body, type] = init.body === undefined && of ? [of[take](), null] : extract(init.body);
      const method = String(init.method ?? of?.method ?? 'GET');
      const upper = method.toUpperCase();
      const settled = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : method;
      if (body !== null && (settled === 'GET' || settled === 'HEAD')) throw new TypeError(`Request: a ${settled} has no body`);
      super(body);
      const params = init.params ?? of?.params ?? {};
      const headers = new Headers(params.headers);
      for (const [name, value] of new Headers(init.headers ?? of?.headers)) headers.set(name, value);
      if (type && !headers.has('Content-Type')) headers.set('Content-Type', type);
      const redirect = init.redirect ?? of?.redirect ?? 'follow';
      if (!['follow', 'error', 'manual'].includes(redirect)) throw new TypeError(`Request: redirect is follow, error or manual, not ${redirect}`);
      const signal = init.signal === undefined ? of?.signal ?? null : init.signal;
      if (signal !== null && !(signal instanceof AbortSignal)) throw new TypeError('Request: signal takes an AbortSignal');
      this.#init = { url: of ? of.url : String(input), method: settled, headers, redirect, signal, params };
    }
    get url() { return this.#init.url; }
    get method() { return this.#init.method; }
    get headers() { return this.#init.headers; }
    get redirect() { return this.#init.redirect; }
    get signal() { return this.#init.signal; }
    get params() { return this.#init.params; }
    clone() { return new Request(this, { body: this[share]() }); }
    get [Symbol.toStringTag]() { return 'Request'; }
  }

  const bodiless = [101, 204, 205, 304];

  class Response extends Body {
    #init;
    constructor(body = null, init = {}, key = undefined, received = {}) {
      const [source, type] = key === inside ? [body, null] : extract(body);
      super(source, received.cancel);
      const status = init.status ?? 200;
      if (key !== inside && (!Number.isInteger(status) || status < 200 || status > 599)) throw new RangeError(`Response: ${status} is no status`);
      if (source !== null && bodiless.includes(status)) throw new TypeError(`Response: a ${status} has no body`);
      const headers = new Headers(init.headers);
      if (type && !headers.has('Content-Type')) headers.set('Content-Type', type);
      this.#init = { status, statusText: String(init.statusText ?? ''), headers, url: received.url ?? '', redirected: received.redirected ?? false,
        type: received.type ?? 'default' };
    }
    static json(data, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
      const text = JSON.stringify(data);
      if (text === undefined) throw new TypeError('Response.json takes what JSON can say');
      return new Response(text, { ...init, headers });
    }
    get status() { return this.#init.status; }
    get ok() { return this.status >= 200 && this.status <= 299; }
    get statusText() { return this.#init.statusText; }
    get headers() { return this.#init.headers; }
    get url() { return this.#init.url; }
    get redirected() { return this.#init.redirected; }
    get type() { return this.#init.type; }
    clone() { return new Response(this[share](), this.#init, inside, this.#init); }
    get [Symbol.toStringTag]() { return 'Response'; }
  }

  const mostRedirects = 20;

  const orAborted = (signal, reading) => new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal?.addEventListener('abort', stop);
    reading.then(resolve, reject).finally(() => signal?.removeEventListener('abort', stop));
  });

  const fetch = async (input, init) => {
    const request = new Request(input, init);
    const { signal } = request;
    signal?.throwIfAborted();
    let body = request[take]();
    if (body instanceof ReadableStream) body = await orAborted(signal, new Response(body).bytes());
    signal?.throwIfAborted();
    const params = {
      ...request.params, headers: Object.fromEntries(request.headers), responseType: 'stream', throw: true,
      redirects: request.redirect === 'follow' ? mostRedirects : 0,
    };
    const answered = http.asyncRequest(request.method, request.url, isBytes(body) ? bytesOf(body) : body, params);
    let stream = null;
    const stop = () => {
      if (stream) stream.close();
      else abort(answered, signal.reason);
    };
    const stopIfAborted = () => {
      if (!signal?.aborted) return;
      stop();
      throw signal.reason;
    };
    const listen = () => signal?.addEventListener('abort', stop);
    const forget = () => signal?.removeEventListener('abort', stop);
    listen();
    let answer;
    try {
      answer = await answered;
    } catch (problem) {
      if (signal?.aborted) throw signal.reason;
      throw new TypeError(`fetch failed: ${problem.message ?? problem}`, { cause: problem });
    } finally { forget(); }
    if (answer.status === 0) throw new TypeError(`fetch failed: ${answer.error}`);
    stream = answer.body;
    stopIfAborted();
    if (request.redirect !== 'manual' && [301, 302, 303, 307, 308].includes(answer.status) && answer.headers.Location) {
      stream.close();
      throw new TypeError(`fetch failed: ${request.redirect === 'error' ? 'the answer is a redirect' : `more than ${mostRedirects} redirects`}`);
    }
    // A signal is heard while somebody waits: a body that nobody reads keeps no timer.
    async function* read() {
      stopIfAborted();
      listen();
      try {
        yield* stream;
      } catch (problem) {
        if (!signal?.aborted) throw new TypeError(`the body broke off: ${problem.message ?? problem}`, { cause: problem });
      } finally { forget(); }
      signal?.throwIfAborted();
    }
    const { 'Set-Cookie': cookies, ...fields } = answer.headers;
    const headers = new Headers(fields);
    if (cookies !== undefined) for (const cookie of cookies.split(/, (?=[^ ;,=]+=)/)) headers.append('Set-Cookie', cookie);
    const hasBody = request.method !== 'HEAD' && !bodiless.includes(answer.status);
    return new Response(hasBody ? read() : null, { status: answer.status, statusText: answer.status_text.replace(/^\d+ ?/, ''), headers }, inside, {
      url: answer.url, redirected: answer.url !== request.url && answer.url !== new URL(request.url).href, type: 'basic', cancel: () => stream.close(),
    });
  };
  return { AbortController, AbortSignal, Headers, Request, Response, fetch };
};
