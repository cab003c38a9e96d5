// URL and URLSearchParams as https://url.spec.whatwg.org has them, for hosts in ASCII.

const defaultPorts = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };

/** Bytes of UTF-8 for what `keep` does not match; escapes that are there already stay. */
const escaped = (text, keep) => text.toWellFormed().replace(/[\s\S]/gu, (c) => (keep.test(c) ? c : encodeURIComponent(c).replace(/^[!'()*]$/, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)));
const inPath = /[!$%&'()*+,\-./0-9:;=@A-Z[\\\]^_a-z|~]/;
const inQuery = /[!$%&'()*+,\-./0-9:;=?@A-Z[\\\]^_`a-z{|}~]/;
const inFragment = /[!#$%&'()*+,\-./0-9:;=?@A-Z[\\\]^_a-z{|}~]/;
const inUserInfo = /[!$%&'()*+,\-.0-9A-Z_a-z~]/;

const encodeField = (text) => encodeURIComponent(text.toWellFormed()).replace(/%20/g, '+').replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
/** Bytes that are no UTF-8 become U+FFFD. */
const decodeField = (text) => {
  const spaced = text.replace(/\+/g, ' ');
  try {
    return decodeURIComponent(spaced.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
  } catch {
    const bytes = new Uint8Array(new TextEncoder().encode(spaced).length);
    let length = 0;
    for (const piece of spaced.match(/%[0-9A-Fa-f]{2}|[\s\S]/gu)) {
      if (piece.length === 3) bytes[length++] = parseInt(piece.slice(1), 16);
      else for (const byte of new TextEncoder().encode(piece)) bytes[length++] = byte;
    }
    return new TextDecoder().decode(bytes.slice(0, length));
  }
};

class URLSearchParams {
  #list = [];
  #changed = null;

  constructor(init = '') {
    if (init !== null && typeof init === 'object') {
      if (typeof init[Symbol.iterator] === 'function') {
        for (const pair of init) {
          const [name, value, ...more] = pair;
          if (value === undefined || more.length > 0) throw new TypeError('URLSearchParams takes pairs of a name and a value');
          this.append(name, value);
        }
      } else {
        for (const name of Object.keys(init)) this.append(name, init[name]);
      }
    } else {
      this.#parse(String(init).replace(/^\?/, ''));
    }
  }
  #parse(text) {
    this.#list = text.split('&').filter((part) => part !== '').map((part) => {
      const at = part.indexOf('=');
      return at < 0 ? [decodeField(part), ''] : [decodeField(part.slice(0, at)), decodeField(part.slice(at + 1))];
    });
  }
  /** The URL that it belongs to hears of changes, and tells its own. */
  static belongingTo(text, changed) {
    const params = new URLSearchParams(text);
    params.#changed = changed;
    return params;
  }
  static replace(params, text) {
    params.#parse(text);
  }
  #tell() {
    if (this.#changed !== null) this.#changed(this.toString());
  }
  get size() {
    return this.#list.length;
  }
  append(name, value) {
    this.#list.push([String(name), String(value)]);
    this.#tell();
  }
  delete(name, value) {
    this.#list = this.#list.filter((pair) => pair[0] !== String(name) || (value !== undefined && pair[1] !== String(value)));
    this.#tell();
  }
  get(name) {
    const found = this.#list.find((pair) => pair[0] === String(name));
    return found === undefined ? null : found[1];
  }
  getAll(name) {
    return this.#list.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]);
  }
  has(name, value) {
    return this.#list.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)));
  }
  set(name, value) {
    const first = this.#list.findIndex((pair) => pair[0] === String(name));
    if (first < 0) return this.append(name, value);
    this.#list[first][1] = String(value);
    this.#list = this.#list.filter((pair, at) => at <= first || pair[0] !== String(name));
    this.#tell();
  }
  sort() {
    this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#tell();
  }
  forEach(visit, self) {
    for (const [name, value] of this) visit.call(self, value, name, this);
  }
  *entries() {
    for (let at = 0; at < this.#list.length; ++at) yield [...this.#list[at]];
  }
  *keys() {
    for (const [name] of this) yield name;
  }
  *values() {
    for (const [, value] of this) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return this.#list.map(([name, value]) => `${encodeField(name)}=${encodeField(value)}`).join('&');
  }
  get [Symbol.toStringTag]() {
    return 'URLSearchParams';
  }
}

const joined = (segments) => {
  const out = [];
  segments.forEach((segment, at) => {
    const last = at === segments.length - 1;
    if (/^(\.|%2e){2}$/i.test(segment)) {
      out.pop();
      if (last) out.push('');
    } else if (/^(\.|%2e)$/i.test(segment)) {
      if (last) out.push('');
    } else {
      out.push(segment);
    }
  });
  return `/${out.join('/')}`;
};

const hostOf = (text, special, whole) => {
  if (text.startsWith('[')) {
    if (!/^\[[0-9a-f:.]+\]$/i.test(text)) throw new TypeError(`Invalid URL: ${whole}`);
    return text.toLowerCase();
  }
  if (!special) return escaped(text, inPath);
  let host;
  try {
    host = decodeURIComponent(text).toLowerCase();
  } catch {
    throw new TypeError(`Invalid URL: ${whole}`);
  }
  // eslint-disable-next-line no-control-regex
  if (/[^\x21-\x7e]/.test(host)) throw new TypeError(`Invalid URL: ${whole}: a host in other letters than ASCII is written in Punycode here`);
  if (/[#%/:<>?@[\\\]^|]/.test(host)) throw new TypeError(`Invalid URL: ${whole}`);
  return host;
};

class URL {
  #parts;
  #params = null;

  constructor(url, base) {
    this.#parts = URL.#parse(String(url), base === undefined ? undefined : new URL(base).#parts);
  }
  static canParse(url, base) {
    return URL.parse(url, base) !== null;
  }
  static parse(url, base) {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }

  static #parse(given, base) {
    let begin = 0;
    let end = given.length;
    while (begin < end && given[begin] <= ' ') begin++;
    while (end > begin && given[end - 1] <= ' ') end--;
    const text = given.slice(begin, end).replace(/[\t\n\r]/g, '');
    const fragmentAt = text.indexOf('#');
    const hash = fragmentAt < 0 ? null : escaped(text.slice(fragmentAt + 1), inFragment);
    const front = fragmentAt < 0 ? text : text.slice(0, fragmentAt);
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(front);
    let protocol = scheme === null ? null : `${scheme[1].toLowerCase()}:`;
    let rest = scheme === null ? front : front.slice(scheme[0].length);
    const isRelative = protocol === null || (base !== undefined && protocol === base.protocol && protocol in defaultPorts && !/^[/\\]{2}/.test(rest));
    if (protocol === null) {
      if (base === undefined) throw new TypeError(`Invalid URL: ${given}`);
      protocol = base.protocol;
    }
    const special = protocol in defaultPorts;
    const queryAt = rest.indexOf('?');
    let query = queryAt < 0 ? null : escaped(rest.slice(queryAt + 1), inQuery);
    if (special && query !== null) query = query.replace(/'/g, '%27');
    rest = queryAt < 0 ? rest : rest.slice(0, queryAt);
    if (special) rest = rest.replace(/\\/g, '/');
    const parts = { protocol, username: '', password: '', host: null, port: '', path: '', query, hash };
    if (isRelative && !rest.startsWith('//')) {
      if (base.host === null && !base.path.startsWith('/')) {
        if (rest !== '' || query !== null) throw new TypeError(`Invalid URL: ${given}`);
        return { ...base, hash };
      }
      const from = rest.startsWith('/') ? [] : base.path.split('/').slice(1, rest === '' ? undefined : -1);
      const path = rest === '' ? base.path : joined([...from, ...escaped(rest.replace(/^\//, ''), inPath).split('/')]);
      return { ...base, path, query: rest === '' && query === null ? base.query : query, hash };
    }
    if (rest.startsWith('//') || special) {
      const [authority, ...path] = rest.replace(special && protocol !== 'file:' ? /^\/*/ : /^\/\//, '').split('/');
      const at = authority.lastIndexOf('@');
      if (at >= 0) {
        const [user, ...password] = authority.slice(0, at).split(':');
        parts.username = escaped(user, inUserInfo);
        parts.password = escaped(password.join(':'), inUserInfo);
      }
      const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority.slice(at + 1)) ?? [];
      if (host === undefined || (special && host === '' && protocol !== 'file:')) throw new TypeError(`Invalid URL: ${given}`);
      if (port !== undefined && (!/^\d*$/.test(port) || Number(port) > 65535)) throw new TypeError(`Invalid URL: ${given}`);
      parts.host = hostOf(host, special, given);
      parts.port = port === undefined || port === '' || String(Number(port)) === defaultPorts[protocol] ? '' : String(Number(port));
      parts.path = path.length === 0 && !special ? '' : joined(escaped(path.join('/'), inPath).split('/'));
    } else {
      parts.path = rest.startsWith('/') ? joined(escaped(rest.slice(1), inPath).split('/')) : escaped(rest, /[\x20-\x7e]/);
    }
    return parts;
  }
  /** As a URL with these parts is written; what makes none changes nothing. */
  #change(change) {
    const before = this.#parts;
    try {
      this.#parts = { ...before, ...change(before) };
      this.#parts = URL.#parse(this.href);
    } catch {
      this.#parts = before;
    }
  }
  #tellParams() {
    if (this.#params !== null) URLSearchParams.replace(this.#params, this.search.slice(1));
  }

  get href() {
    const { protocol, username, password, port, path, query, hash } = this.#parts;
    const user = username === '' && password === '' ? '' : `${username}${password === '' ? '' : `:${password}`}@`;
    const authority = this.#parts.host === null ? '' : `//${user}${this.#parts.host}${port === '' ? '' : `:${port}`}`;
    return `${protocol}${authority}${path}${query === null ? '' : `?${query}`}${hash === null ? '' : `#${hash}`}`;
  }
  set href(value) {
    this.#parts = URL.#parse(String(value));
    this.#tellParams();
  }
  get origin() {
    const { protocol } = this.#parts;
    return protocol in defaultPorts && protocol !== 'file:' ? `${protocol}//${this.host}` : 'null';
  }
  get protocol() {
    return this.#parts.protocol;
  }
  set protocol(value) {
    const protocol = `${String(value).replace(/:.*$/s, '').toLowerCase()}:`;
    if (protocol in defaultPorts === this.#parts.protocol in defaultPorts) this.#change(() => ({ protocol }));
  }
  get username() {
    return this.#parts.username;
  }
  set username(value) {
    this.#change(() => ({ username: escaped(String(value), inUserInfo) }));
  }
  get password() {
    return this.#parts.password;
  }
  set password(value) {
    this.#change(() => ({ password: escaped(String(value), inUserInfo) }));
  }
  get host() {
    return `${this.hostname}${this.port === '' ? '' : `:${this.port}`}`;
  }
  set host(value) {
    const [, host, port] = /^(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?/.exec(String(value));
    if (host !== '') this.#change((parts) => ({ host, port: port || parts.port }));
  }
  get hostname() {
    return this.#parts.host ?? '';
  }
  set hostname(value) {
    if (!/[/?#@]/.test(value) && String(value) !== '') this.#change(() => ({ host: String(value) }));
  }
  get port() {
    return this.#parts.port;
  }
  set port(value) {
    const [digits] = /^\d*/.exec(String(value));
    if (digits !== '' || String(value) === '') this.#change(() => ({ port: digits }));
  }
  get pathname() {
    return this.#parts.path;
  }
  set pathname(value) {
    const path = String(value).replace(/\?/g, '%3F').replace(/#/g, '%23');
    this.#change(() => ({ path: path.startsWith('/') ? path : `/${path}` }));
  }
  get search() {
    return this.#parts.query === null || this.#parts.query === '' ? '' : `?${this.#parts.query}`;
  }
  set search(value) {
    const query = String(value).replace(/^\?/, '').replace(/#/g, '%23');
    this.#change(() => ({ query: query === '' ? null : query }));
    this.#tellParams();
  }
  get searchParams() {
    this.#params ??= URLSearchParams.belongingTo(this.search, (text) => { this.#parts.query = text === '' ? null : text; });
    return this.#params;
  }
  get hash() {
    return this.#parts.hash === null || this.#parts.hash === '' ? '' : `#${this.#parts.hash}`;
  }
  set hash(value) {
    const hash = String(value).replace(/^#/, '');
    this.#change(() => ({ hash: hash === '' ? null : hash }));
  }
  toString() {
    return this.href;
  }
  toJSON() {
    return this.href;
  }
  get [Symbol.toStringTag]() {
    return 'URL';
  }
}
