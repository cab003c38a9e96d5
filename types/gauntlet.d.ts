// What a load script can import, and what it finds without importing, for editors and for tsc:
//
//   /// <reference path="./gauntlet.d.ts" />
//
// at the top of a script, which is a comment to the engine. `gauntlet new --types` writes both.
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="esnext.disposable" />

// ---- without an import --------------------------------------------------------------------------------------------------------

/** Variables of the system, of --env and of the scenario's env. */
declare var __ENV: { [name: string]: string };
/** Number of the virtual user, from 1; 0 while the script is loaded to learn its options. */
declare const __VU: number;
/** Iterations that the virtual user has begun before this one. Undefined outside of scenarios. */
declare const __ITER: number;

/** Reads a file while the script loads; relative to the script's folder. */
declare function open(path: string): string;
declare function open(path: string, mode: 'b'): ArrayBuffer;
declare function require(specifier: string): any;

interface Console {
  debug(...values: unknown[]): void;
  error(...values: unknown[]): void;
  info(...values: unknown[]): void;
  log(...values: unknown[]): void;
  warn(...values: unknown[]): void;
}
declare var console: Console;
declare var global: typeof globalThis;

declare function setTimeout(callback: (...values: any[]) => void, milliseconds?: number, ...values: any[]): number;
declare function clearTimeout(id?: number): void;
declare function setInterval(callback: (...values: any[]) => void, milliseconds?: number, ...values: any[]): number;
declare function clearInterval(id?: number): void;
declare function queueMicrotask(callback: () => void): void;
declare function btoa(text: string): string;
declare function atob(text: string): string;

interface Performance {
  /** Milliseconds since timeOrigin. */
  now(): number;
  readonly timeOrigin: number;
}
declare var performance: Performance;

/** UTF-8. */
declare class TextEncoder {
  readonly encoding: 'utf-8';
  encode(text?: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label?: 'utf-8' | 'utf8' | 'UTF-8');
  readonly encoding: 'utf-8';
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}

/** As the web's, for hosts in ASCII. */
declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
  hash: string;
  toString(): string;
  toJSON(): string;
}
declare class URLSearchParams {
  constructor(init?: string | Iterable<[string, string]> | { [name: string]: any } | URLSearchParams);
  readonly size: number;
  append(name: string, value: any): void;
  delete(name: string, value?: any): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: any): boolean;
  set(name: string, value: any): void;
  sort(): void;
  forEach(visit: (value: string, name: string, params: URLSearchParams) => void, self?: any): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
  toString(): string;
}
/** Without transfers. */
declare function structuredClone<T>(value: T): T;

/** As the web's, without a page: no CORS, no cache; cookies are the virtual user's. It leaves the metrics of k6/http. */
declare function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | import('k6/websockets').Blob | import('k6/experimental/fs').File
  | import('k6/experimental/streams').ReadableStream<Uint8Array> | null;
type HeadersInit = Headers | { [name: string]: string | number | boolean } | Iterable<[string, string]>;
interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  /** A stream is read whole before it is sent. */
  body?: BodyInit;
  /** "manual" gives the redirect itself, with its status and headers. */
  redirect?: 'follow' | 'error' | 'manual';
  signal?: AbortSignal | null;
  /** Beyond the web: tags, timeout, jar, auth and what else k6/http takes. */
  params?: import('k6/http').Params;
}
interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}
interface FetchBody {
  readonly body: import('k6/experimental/streams').ReadableStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<import('k6/websockets').Blob>;
  bytes(): Promise<Uint8Array>;
  json(): Promise<any>;
  text(): Promise<string>;
}
interface Request extends FetchBody {}
declare class Request {
  constructor(input: string | URL | Request, init?: RequestInit);
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly redirect: 'follow' | 'error' | 'manual';
  readonly signal: AbortSignal | null;
  readonly params: import('k6/http').Params;
  clone(): Request;
}
interface Response extends FetchBody {}
declare class Response {
  constructor(body?: BodyInit, init?: ResponseInit);
  static json(data: any, init?: ResponseInit): Response;
  readonly status: number;
  readonly ok: boolean;
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;
  readonly redirected: boolean;
  readonly type: 'basic' | 'default';
  clone(): Response;
}
declare class Headers {
  constructor(init?: HeadersInit);
  append(name: string, value: any): void;
  delete(name: string): void;
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: any): void;
  forEach(visit: (value: string, name: string, headers: Headers) => void, self?: any): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: any): void;
}
declare class AbortSignal {
  private constructor();
  static abort(reason?: any): AbortSignal;
  static any(signals: Iterable<AbortSignal>): AbortSignal;
  static timeout(milliseconds: number): AbortSignal;
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((event: { type: 'abort'; target: AbortSignal }) => void) | null;
  addEventListener(type: 'abort', listener: (event: { type: 'abort'; target: AbortSignal }) => void): void;
  removeEventListener(type: 'abort', listener: (event: { type: 'abort'; target: AbortSignal }) => void): void;
  throwIfAborted(): void;
}

declare class DOMException extends Error {
  constructor(message?: string, name?: string);
  readonly code: number;
}

interface CryptoKey {
  readonly type: 'secret' | 'private' | 'public';
  readonly extractable: boolean;
  readonly algorithm: { name: string; [parameter: string]: any };
  readonly usages: KeyUsage[];
}
interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}
type KeyUsage = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'deriveKey' | 'deriveBits' | 'wrapKey' | 'unwrapKey';
type KeyFormat = 'raw' | 'pkcs8' | 'spki' | 'jwk';
type CryptoAlgorithm = string | { name: string; [parameter: string]: any };
type CryptoBytes = ArrayBuffer | ArrayBufferView;
interface SubtleCrypto {
  decrypt(algorithm: CryptoAlgorithm, key: CryptoKey, data: CryptoBytes): Promise<ArrayBuffer>;
  deriveBits(algorithm: CryptoAlgorithm, key: CryptoKey, length: number): Promise<ArrayBuffer>;
  deriveKey(algorithm: CryptoAlgorithm, key: CryptoKey, derived: CryptoAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  digest(algorithm: CryptoAlgorithm, data: CryptoBytes): Promise<ArrayBuffer>;
  encrypt(algorithm: CryptoAlgorithm, key: CryptoKey, data: CryptoBytes): Promise<ArrayBuffer>;
  exportKey(format: KeyFormat, key: CryptoKey): Promise<any>;
  generateKey(algorithm: CryptoAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<any>;
  importKey(format: KeyFormat, data: CryptoBytes | object, algorithm: CryptoAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  sign(algorithm: CryptoAlgorithm, key: CryptoKey, data: CryptoBytes): Promise<ArrayBuffer>;
  unwrapKey(format: KeyFormat, wrapped: CryptoBytes, by: CryptoKey, algorithm: CryptoAlgorithm, of: CryptoAlgorithm, extractable: boolean,
            usages: KeyUsage[]): Promise<CryptoKey>;
  verify(algorithm: CryptoAlgorithm, key: CryptoKey, signature: CryptoBytes, data: CryptoBytes): Promise<boolean>;
  wrapKey(format: KeyFormat, key: CryptoKey, by: CryptoKey, algorithm: CryptoAlgorithm): Promise<ArrayBuffer>;
}
interface Crypto {
  readonly subtle: SubtleCrypto;
  getRandomValues<T extends ArrayBufferView>(into: T): T;
  randomUUID(): string;
}
declare var crypto: Crypto;

// ---- k6 -----------------------------------------------------------------------------------------------------------------------

declare module 'k6' {
  type Tags = { [name: string]: string | number | boolean };
  /** Runs each check on the value and counts how it came out. True when all held. */
  export function check<T>(value: T, checks: { [name: string]: ((value: T) => unknown) | object | string | number | boolean | null | undefined }, tags?: Tags): boolean;
  /** Ends the iteration with an error. */
  export function fail(message?: string): never;
  /** What is requested inside carries the group's tag; an async function's group holds until its promise is settled. */
  export function group<T>(name: string, body: () => T): T;
  /** Makes Math.random repeat itself. */
  export function randomSeed(seed: number): void;
  /** Blocks the virtual user. */
  export function sleep(seconds: number): void;

  /** "1m30s", or a number of milliseconds. */
  type Duration = string | number;
  interface Stage {
    duration: Duration;
    /** Virtual users, or iterations per timeUnit. */
    target: number;
  }
  interface OfEveryScenario {
    /** The exported function that its iterations call. */
    exec?: string;
    startTime?: Duration;
    gracefulStop?: Duration;
    env?: { [name: string]: string };
    tags?: { [name: string]: string };
  }
  interface SharedIterations extends OfEveryScenario {
    executor: 'shared-iterations';
    vus?: number;
    iterations?: number;
    maxDuration?: Duration;
  }
  interface PerVuIterations extends OfEveryScenario {
    executor: 'per-vu-iterations';
    vus?: number;
    iterations?: number;
    maxDuration?: Duration;
  }
  interface ConstantVus extends OfEveryScenario {
    executor: 'constant-vus';
    vus?: number;
    duration: Duration;
  }
  interface RampingVus extends OfEveryScenario {
    executor: 'ramping-vus';
    startVUs?: number;
    stages: Stage[];
    gracefulRampDown?: Duration;
  }
  interface ConstantArrivalRate extends OfEveryScenario {
    executor: 'constant-arrival-rate';
    rate: number;
    timeUnit?: Duration;
    duration: Duration;
    preAllocatedVUs: number;
    maxVUs?: number;
  }
  interface RampingArrivalRate extends OfEveryScenario {
    executor: 'ramping-arrival-rate';
    startRate?: number;
    timeUnit?: Duration;
    stages: Stage[];
    preAllocatedVUs: number;
    maxVUs?: number;
  }
  export type Scenario = SharedIterations | PerVuIterations | ConstantVus | RampingVus | ConstantArrivalRate | RampingArrivalRate;
  export type Threshold = string | { threshold: string; abortOnFail?: boolean; delayAbortEval?: Duration };

  /** What a script exports as `options`. An editor checks it below a comment "@type {import('k6').Options}". */
  export interface Options {
    vus?: number;
    duration?: Duration;
    iterations?: number;
    stages?: Stage[];
    scenarios?: { [name: string]: Scenario };
    executionSegment?: string;
    executionSegmentSequence?: string;
    noSetup?: boolean;
    setupTimeout?: Duration;
    noTeardown?: boolean;
    teardownTimeout?: Duration;
    handleSummaryTimeout?: Duration;
    minIterationDuration?: Duration;
    rps?: number;
    dns?: { ttl?: string; select?: 'first' | 'random' | 'roundRobin'; policy?: 'preferIPv4' | 'preferIPv6' | 'onlyIPv4' | 'onlyIPv6' | 'any' };
    hosts?: { [name: string]: string };
    blockHostnames?: string[];
    blacklistIPs?: string[];
    userAgent?: string;
    maxRedirects?: number;
    batch?: number;
    batchPerHost?: number;
    insecureSkipTLSVerify?: boolean;
    tlsAIAFetch?: boolean;
    tlsCipherSuites?: string[];
    tlsVersion?: string | { min?: string; max?: string };
    tlsAuth?: { cert: string; key: string; password?: string; domains?: string[] }[];
    throw?: boolean;
    noConnectionReuse?: boolean;
    noVUConnectionReuse?: boolean;
    noCookiesReset?: boolean;
    discardResponseBodies?: boolean;
    thresholds?: { [metric: string]: Threshold[] };
    summaryTrendStats?: string[];
    summaryTimeUnit?: 's' | 'ms' | 'us';
    systemTags?: string[];
    tags?: { [name: string]: string };
    metricSamplesBufferSize?: number;
    cloud?: object;
    ext?: object;
    /** Beyond k6: "1.1" never offers HTTP/2, "2" speaks nothing else. */
    httpVersion?: '1.1' | '2';
    /** Beyond k6: objects and lists as request bodies are JSON where the request's Content-Type says so. */
    jsonBodies?: boolean;
    /** Beyond k6: each virtual user has built-in objects of its own, which its script may change. */
    isolatedUsers?: boolean;
    /** Beyond k6: what a virtual user's script may keep. */
    maxHeapBytes?: number;
    /** Beyond k6: of a body or message as the script gets it. */
    maxResponseBytes?: number;
  }

  const k6: { check: typeof check; fail: typeof fail; group: typeof group; randomSeed: typeof randomSeed; sleep: typeof sleep };
  export default k6;
}

declare module 'k6/http' {
  import { Selection } from 'k6/html';
  import { File as OpenFile } from 'k6/experimental/fs';

  type Text = string | number | boolean;
  export interface Params {
    headers?: { [name: string]: Text };
    cookies?: { [name: string]: string | { value: string; replace?: boolean } };
    jar?: CookieJar;
    tags?: { [name: string]: Text };
    timeout?: string | number;
    redirects?: number;
    auth?: 'basic' | 'digest' | 'ntlm';
    /** "gzip", "deflate", "br", "zstd", or several with commas between: the body is sent so. */
    compression?: string;
    /** "stream": the answer comes once it has a head, and its body is a BodyStream. */
    responseType?: 'text' | 'binary' | 'none' | 'stream';
    responseCallback?: ExpectedStatuses | null;
  }
  export interface File {
    data: string | ArrayBuffer | OpenFile;
    filename: string;
    content_type: string;
  }
  /** An object is sent as a form, and as multipart when a File is in it; a File of k6/experimental/fs from where its next read would be. */
  export type Body = string | OpenFile | any[] | ArrayBuffer | ArrayBufferView | { [field: string]: any } | null | undefined;
  export type Url = string | TaggedUrl;
  export interface TaggedUrl {
    readonly url: string;
    readonly name: string;
    readonly clean_url: string;
  }
  /** Made by expectedStatuses(). */
  export interface ExpectedStatuses {}
  export interface Cookie {
    readonly name: string;
    readonly value: string;
    readonly domain: string;
    readonly path: string;
    readonly http_only: boolean;
    readonly secure: boolean;
    readonly max_age: number;
    readonly expires: number;
  }
  /** Milliseconds. */
  export interface Timings {
    readonly duration: number;
    readonly blocked: number;
    readonly looking_up: number;
    readonly connecting: number;
    readonly tls_handshaking: number;
    readonly sending: number;
    readonly waiting: number;
    readonly receiving: number;
  }
  export interface ServerSentEvent {
    /** "message" where the server names none. */
    readonly type: string;
    readonly data: string;
    readonly id: string;
    /** Milliseconds after which the server wants to be asked again. */
    readonly retry?: number;
  }
  /** A body that is read while it comes. Leaving a loop over it closes it. */
  export interface BodyStream extends Iterable<Uint8Array>, AsyncIterable<Uint8Array> {
    /** Waits for the next bytes; null at the end. */
    read(): Uint8Array | null;
    /** Waits for all that is still to come. */
    text(): string;
    events(): Iterable<ServerSentEvent> & AsyncIterable<ServerSentEvent>;
    close(): void;
  }
  export interface Response {
    readonly status: number;
    readonly status_text: string;
    readonly proto: string;
    readonly url: string;
    readonly headers: { [name: string]: string };
    readonly cookies: { [name: string]: Cookie[] };
    /** Text, an ArrayBuffer where params.responseType is "binary", null where it is "none", a BodyStream where it is "stream". */
    readonly body: any;
    readonly timings: Timings;
    readonly error: string;
    readonly error_code: number;
    readonly remote_ip: string;
    readonly remote_port: number;
    readonly tls_version: string;
    readonly tls_cipher_suite: string;
    readonly ocsp: {
      readonly status: string;
      readonly revocation_reason: string;
      readonly produced_at: number;
      readonly this_update: number;
      readonly next_update: number;
      readonly revoked_at: number;
    };
    readonly request: {
      readonly method: string;
      readonly url: string;
      readonly headers: { [name: string]: string[] };
      readonly body: string;
      readonly cookies: { [name: string]: { name: string; value: string; replace: boolean }[] };
    };
    /** All of the body, or what a path like "items.0.id" finds. */
    json(path?: string): any;
    html(selector?: string): Selection;
    clickLink(options?: { selector?: string; params?: Params }): Response;
    submitForm(options?: { formSelector?: string; submitSelector?: string; fields?: { [name: string]: Text }; params?: Params }): Response;
  }
  export type BatchRequest = Url | [string, Url, Body?, Params?] | { method?: string; url: Url; body?: Body; params?: Params };

  export function get(url: Url, params?: Params | null): Response;
  export function head(url: Url, params?: Params | null): Response;
  export function post(url: Url, body?: Body, params?: Params | null): Response;
  export function put(url: Url, body?: Body, params?: Params | null): Response;
  export function patch(url: Url, body?: Body, params?: Params | null): Response;
  export function del(url: Url, body?: Body, params?: Params | null): Response;
  export function options(url: Url, body?: Body, params?: Params | null): Response;
  export function request(method: string, url: Url, body?: Body, params?: Params | null): Response;
  /** Its signal ends the request, and the promise is rejected with the signal's reason. */
  export function asyncRequest(method: string, url: Url, body?: Body, params?: (Params & { signal?: AbortSignal | null }) | null): Promise<Response>;
  /** In parallel. The answers come in the shape of the requests. */
  export function batch<T extends readonly BatchRequest[] | { [name: string]: BatchRequest }>(requests: T): { [K in keyof T]: Response };
  export function file(data: string | ArrayBuffer | ArrayBufferView | OpenFile, filename?: string, contentType?: string): File;
  /** Keeps the requests together whose addresses differ in what is filled in. */
  export function url(strings: TemplateStringsArray, ...values: unknown[]): TaggedUrl;
  export function expectedStatuses(...statuses: (number | { min: number; max: number })[]): ExpectedStatuses;
  export function setResponseCallback(callback: ExpectedStatuses | null): void;

  export class CookieJar {
    cookiesForURL(url: string): { [name: string]: string[] };
    set(url: string, name: string, value: string,
        options?: { domain?: string; path?: string; expires?: string; max_age?: number; secure?: boolean; http_only?: boolean }): boolean;
    clear(url: string): void;
    delete(url: string, name: string): void;
  }
  /** The virtual user's own. */
  export function cookieJar(): CookieJar;

  export const TLS_1_0: 'tls1.0';
  export const TLS_1_1: 'tls1.1';
  export const TLS_1_2: 'tls1.2';
  export const TLS_1_3: 'tls1.3';
  export const OCSP_STATUS_GOOD: 'good';
  export const OCSP_STATUS_REVOKED: 'revoked';
  export const OCSP_STATUS_SERVER_FAILED: 'server_failed';
  export const OCSP_STATUS_UNKNOWN: 'unknown';
  export const OCSP_REASON_UNSPECIFIED: 'unspecified';
  export const OCSP_REASON_KEY_COMPROMISE: 'key_compromise';
  export const OCSP_REASON_CA_COMPROMISE: 'ca_compromise';
  export const OCSP_REASON_AFFILIATION_CHANGED: 'affiliation_changed';
  export const OCSP_REASON_SUPERSEDED: 'superseded';
  export const OCSP_REASON_CESSATION_OF_OPERATION: 'cessation_of_operation';
  export const OCSP_REASON_CERTIFICATE_HOLD: 'certificate_hold';
  export const OCSP_REASON_REMOVE_FROM_CRL: 'remove_from_crl';
  export const OCSP_REASON_PRIVILEGE_WITHDRAWN: 'privilege_withdrawn';
  export const OCSP_REASON_AA_COMPROMISE: 'aa_compromise';

  import * as all from 'k6/http';
  const http: Omit<typeof all, 'default'>;
  export default http;
}

declare module 'k6/metrics' {
  type Tags = { [name: string]: string | number | boolean };
  class Metric {
    /** `isTime`: the numbers are milliseconds. */
    constructor(name: string, isTime?: boolean);
    readonly name: string;
    add(value: number | boolean, tags?: Tags): void;
  }
  export class Counter extends Metric {}
  export class Gauge extends Metric {}
  export class Rate extends Metric {}
  export class Trend extends Metric {}
  const metrics: { Counter: typeof Counter; Gauge: typeof Gauge; Rate: typeof Rate; Trend: typeof Trend };
  export default metrics;
}

declare module 'k6/execution' {
  import { Options } from 'k6';

  export const instance: {
    /** Milliseconds. */
    readonly currentTestRunDuration: number;
    readonly iterationsCompleted: number;
    readonly iterationsInterrupted: number;
    readonly vusActive: number;
    readonly vusInitialized: number;
  };
  export const scenario: {
    readonly name: string;
    readonly executor: string;
    /** Milliseconds since 1970. */
    readonly startTime: number;
    /** 0 to 1. */
    readonly progress: number;
    readonly iterationInInstance: number;
    readonly iterationInTest: number;
  };
  export const test: {
    abort(reason?: string): never;
    fail(reason?: string): void;
    readonly options: Options;
  };
  export const vu: {
    readonly idInInstance: number;
    readonly idInTest: number;
    readonly iterationInInstance: number;
    readonly iterationInScenario: number;
    /** Tags of all samples of this virtual user. */
    tags: { [name: string]: string | number | boolean };
    metrics: {
      tags: { [name: string]: string | number | boolean };
      metadata: { [name: string]: string | number | boolean };
    };
  };
  const execution: { instance: typeof instance; scenario: typeof scenario; test: typeof test; vu: typeof vu };
  export default execution;
}

declare module 'k6/data' {
  /** Made once, shared by all virtual users, read-only. What its elements are is kept as JSON. */
  export class SharedArray<T = any> {
    constructor(name: string, make: () => T[]);
  }
  export interface SharedArray<T = any> extends ReadonlyArray<T> {}
  const data: { SharedArray: typeof SharedArray };
  export default data;
}

declare module 'k6/encoding' {
  type Variant = 'std' | 'rawstd' | 'url' | 'rawurl';
  export function b64encode(input: string | ArrayBuffer | ArrayBufferView, variant?: Variant): string;
  export function b64decode(input: string, variant: Variant | undefined, format: 's'): string;
  export function b64decode(input: string, variant?: Variant): ArrayBuffer;
  const encoding: { b64encode: typeof b64encode; b64decode: typeof b64decode };
  export default encoding;
}

declare module 'k6/crypto' {
  type Input = string | ArrayBuffer | ArrayBufferView;
  type Algorithm = 'md4' | 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'sha512_224' | 'sha512_256' | 'ripemd160';
  type TextEncoding = 'hex' | 'base64' | 'base64url' | 'base64rawurl';
  export interface Hasher {
    update(input: Input): void;
    digest(encoding: 'binary'): ArrayBuffer;
    digest(encoding: TextEncoding): string;
  }
  interface Digest {
    (input: Input, encoding: 'binary'): ArrayBuffer;
    (input: Input, encoding: TextEncoding): string;
  }
  export const md4: Digest;
  export const md5: Digest;
  export const sha1: Digest;
  export const sha256: Digest;
  export const sha384: Digest;
  export const sha512: Digest;
  export const sha512_224: Digest;
  export const sha512_256: Digest;
  export const ripemd160: Digest;
  export function hmac(algorithm: Algorithm, secret: Input, data: Input, encoding: 'binary'): ArrayBuffer;
  export function hmac(algorithm: Algorithm, secret: Input, data: Input, encoding: TextEncoding): string;
  export function createHash(algorithm: Algorithm): Hasher;
  export function createHMAC(algorithm: Algorithm, secret: Input): Hasher;
  export function hexEncode(data: Input): string;
  export function randomBytes(count: number): ArrayBuffer;
  import * as all from 'k6/crypto';
  const crypto: Omit<typeof all, 'default'>;
  export default crypto;
}

declare module 'k6/crypto/x509' {
  interface Name {
    commonName: string;
    country: string;
    stateOrProvinceName: string;
    localityName: string;
    organizationName: string;
    names: { type: string; value: string }[];
  }
  export interface Subject extends Name {
    postalCode: string;
    streetAddress: string;
    organizationalUnitName: string[];
  }
  export interface Issuer extends Name {}
  export interface Certificate {
    subject: Subject;
    issuer: Issuer;
    notBefore: string;
    notAfter: string;
    altNames: string[];
    signatureAlgorithm: string;
    fingerPrint: number[];
    publicKey: { algorithm: string; key: any };
  }
  export function parse(pem: string): Certificate;
  export function getAltNames(pem: string): string[];
  export function getIssuer(pem: string): Issuer;
  export function getSubject(pem: string): Subject;
  const x509: { parse: typeof parse; getAltNames: typeof getAltNames; getIssuer: typeof getIssuer; getSubject: typeof getSubject };
  export default x509;
}

declare module 'k6/html' {
  type Matched = string | Selection | Element | ((index: number, element: Element) => boolean);
  export interface Selection {
    add(other: string | Selection | Element): Selection;
    attr(name: string, otherwise?: string): string | undefined;
    children(selector?: string): Selection;
    closest(selector: string): Selection;
    contents(): Selection;
    data(key?: string): any;
    each(visit: (index: number, element: Element) => void | boolean): Selection;
    end(): Selection;
    eq(index: number): Selection;
    filter(by: Matched): Selection;
    find(selector: string): Selection;
    first(): Selection;
    get(index: number): Element;
    has(selector: string): Selection;
    html(): string | undefined;
    index(of?: string | Selection | Element): number;
    is(by: Matched): boolean;
    last(): Selection;
    map<T>(make: (index: number, element: Selection) => T): T[];
    next(selector?: string): Selection;
    nextAll(selector?: string): Selection;
    nextUntil(until?: string | Selection | Element, selector?: string): Selection;
    not(by: Matched): Selection;
    parent(selector?: string): Selection;
    parents(selector?: string): Selection;
    parentsUntil(until?: string | Selection | Element, selector?: string): Selection;
    prev(selector?: string): Selection;
    prevAll(selector?: string): Selection;
    prevUntil(until?: string | Selection | Element, selector?: string): Selection;
    serialize(): string;
    serializeArray(): { name: string; value: string }[];
    serializeObject(): { [name: string]: any };
    siblings(selector?: string): Selection;
    /** The only element; an error where there are none or several. */
    single(): Selection;
    size(): number;
    slice(begin: number, end?: number): Selection;
    text(): string;
    toArray(): Selection[];
    val(): any;
  }
  export interface Element {
    attributes(): { [name: string]: { name: string; value: string } };
    childElementCount(): number;
    childNodes(): Element[];
    children(): Element[];
    classList(): string[];
    className(): string | undefined;
    contains(other: Element): boolean;
    firstChild(): Element | null;
    firstElementChild(): Element | null;
    getAttribute(name: string): string | undefined;
    getAttributeNode(name: string): { name: string; value: string } | undefined;
    getElementsByClassName(name: string): Element[];
    getElementsByTagName(name: string): Element[];
    hasAttribute(name: string): boolean;
    hasAttributes(): boolean;
    hasChildNodes(): boolean;
    id(): string;
    innerHTML(): string;
    isDefaultNamespace(): boolean;
    isEqualNode(other: Element): boolean;
    isSameNode(other: Element): boolean;
    lang(): string | undefined;
    lastChild(): Element | null;
    lastElementChild(): Element | null;
    matches(selector: string): boolean;
    namespaceURI(): string;
    nextElementSibling(): Element | null;
    nextSibling(): Element | null;
    nodeName(): string;
    nodeType(): number;
    nodeValue(): string | undefined;
    ownerDocument(): Element | null;
    parentElement(): Element | null;
    parentNode(): Element | null;
    previousElementSibling(): Element | null;
    previousSibling(): Element | null;
    querySelector(selector: string): Element | null;
    querySelectorAll(selector: string): Element[];
    selection(): Selection;
    textContent(): string;
    /** What the element's tag has besides, as href() of a link and value() of a field. */
    [ofItsTag: string]: any;
  }
  export function parseHTML(html: string): Selection;
  const html: { parseHTML: typeof parseHTML };
  export default html;
}

declare module 'k6/net/grpc' {
  export interface ConnectParams {
    plaintext?: boolean;
    reflect?: boolean;
    reflectMetadata?: { [name: string]: string };
    timeout?: string | number;
    maxReceiveSize?: number;
    maxSendSize?: number;
    authority?: string;
    tls?: { cert?: string; key?: string; password?: string; cacerts?: string | string[] };
  }
  export interface Params {
    metadata?: { [name: string]: string | ArrayBuffer };
    tags?: { [name: string]: string | number | boolean };
    timeout?: string | number;
    discardResponseMessage?: boolean;
  }
  export interface Response {
    readonly status: number;
    readonly message: any;
    readonly error: any;
    readonly headers: { [name: string]: string[] };
    readonly trailers: { [name: string]: string[] };
  }
  export class Client {
    /** While the script loads. Says which methods there are now. */
    load(importPaths: string[] | null, ...files: string[]): any[];
    loadProtoset(file: string): any[];
    connect(address: string, params?: ConnectParams): boolean;
    invoke(method: string, message: object, params?: Params): Response;
    asyncInvoke(method: string, message: object, params?: Params): Promise<Response>;
    /** Throws when the call fails. */
    healthCheck(service?: string): { readonly status: number };
    close(): void;
  }
  export class Stream {
    constructor(client: Client, method: string, params?: Params);
    on(event: 'data', listener: (message: any, metadata: { ts: number }) => void): void;
    on(event: 'error', listener: (error: any) => void): void;
    on(event: 'end', listener: () => void): void;
    write(message: object): void;
    /** No more messages from here. */
    end(): void;
  }
  export const StatusOK: number;
  export const StatusCanceled: number;
  export const StatusUnknown: number;
  export const StatusInvalidArgument: number;
  export const StatusDeadlineExceeded: number;
  export const StatusNotFound: number;
  export const StatusAlreadyExists: number;
  export const StatusPermissionDenied: number;
  export const StatusResourceExhausted: number;
  export const StatusFailedPrecondition: number;
  export const StatusAborted: number;
  export const StatusOutOfRange: number;
  export const StatusUnimplemented: number;
  export const StatusInternal: number;
  export const StatusUnavailable: number;
  export const StatusDataLoss: number;
  export const StatusUnauthenticated: number;
  export const HealthCheckUnknown: number;
  export const HealthCheckServing: number;
  export const HealthCheckNotServing: number;
  export const HealthCheckServiceUnkown: number;
  import * as all from 'k6/net/grpc';
  const grpc: Omit<typeof all, 'default'>;
  export default grpc;
}

declare module 'k6/ws' {
  import { CookieJar } from 'k6/http';
  export interface Params {
    headers?: { [name: string]: string };
    tags?: { [name: string]: string | number | boolean };
    compression?: 'deflate';
    jar?: CookieJar;
  }
  export interface Socket {
    on(event: 'open' | 'ping' | 'pong', listener: () => void): void;
    on(event: 'message', listener: (message: string) => void): void;
    on(event: 'binaryMessage', listener: (message: ArrayBuffer) => void): void;
    on(event: 'error', listener: (error: any) => void): void;
    on(event: 'close', listener: (code: number) => void): void;
    send(message: string): void;
    sendBinary(message: ArrayBuffer): void;
    ping(): void;
    setInterval(callback: () => void, milliseconds: number): void;
    setTimeout(callback: () => void, milliseconds: number): void;
    close(code?: number): void;
  }
  export interface Response {
    readonly url: string;
    readonly status: number;
    readonly headers: { [name: string]: string };
    readonly body: string;
    readonly error: string;
  }
  /** Blocks until the socket is closed. */
  export function connect(url: string, params: Params | null, use: (socket: Socket) => void): Response;
  export function connect(url: string, use: (socket: Socket) => void): Response;
  const ws: { connect: typeof connect };
  export default ws;
}

declare module 'k6/websockets' {
  import { CookieJar } from 'k6/http';
  import { ReadableStream } from 'k6/experimental/streams';
  export class Blob {
    constructor(parts: (string | ArrayBuffer | ArrayBufferView | Blob)[], options?: { type?: string });
    readonly size: number;
    readonly type: string;
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    slice(begin?: number, end?: number, type?: string): Blob;
    stream(): ReadableStream<Uint8Array>;
    text(): Promise<string>;
  }
  export interface Params {
    headers?: { [name: string]: string };
    tags?: { [name: string]: string | number | boolean };
    compression?: 'deflate';
    jar?: CookieJar;
  }
  interface Event {
    readonly type: string;
    readonly timestamp: number;
  }
  export interface MessageEvent extends Event {
    /** Text, or what binaryType says. */
    readonly data: any;
  }
  export interface CloseEvent extends Event {
    readonly code: number;
    readonly reason: string;
  }
  export interface ErrorEvent extends Event {
    readonly error: string;
  }
  interface Events {
    open: Event;
    message: MessageEvent;
    error: ErrorEvent;
    close: CloseEvent;
    ping: Event;
    pong: Event;
  }
  export class WebSocket {
    constructor(url: string, protocols?: string | string[] | null, params?: Params);
    static readonly CONNECTING: 0;
    static readonly OPEN: 1;
    static readonly CLOSING: 2;
    static readonly CLOSED: 3;
    readonly url: string;
    readonly readyState: number;
    readonly bufferedAmount: number;
    readonly extensions: string;
    readonly protocol: string;
    binaryType: 'blob' | 'arraybuffer';
    onopen: ((event: Event) => void) | null;
    onmessage: ((event: MessageEvent) => void) | null;
    onerror: ((event: ErrorEvent) => void) | null;
    onclose: ((event: CloseEvent) => void) | null;
    onping: ((event: Event) => void) | null;
    onpong: ((event: Event) => void) | null;
    addEventListener<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
    send(message: string | ArrayBuffer | ArrayBufferView | Blob): void;
    ping(): void;
    close(code?: number, reason?: string): void;
  }
  const websockets: { WebSocket: typeof WebSocket; Blob: typeof Blob };
  export default websockets;
}

declare module 'k6/experimental/websockets' {
  export { WebSocket, Blob } from 'k6/websockets';
  export { default } from 'k6/websockets';
}

declare module 'k6/timers' {
  export const setTimeout: typeof globalThis.setTimeout;
  export const clearTimeout: typeof globalThis.clearTimeout;
  export const setInterval: typeof globalThis.setInterval;
  export const clearInterval: typeof globalThis.clearInterval;
  const timers: {
    setTimeout: typeof setTimeout;
    clearTimeout: typeof clearTimeout;
    setInterval: typeof setInterval;
    clearInterval: typeof clearInterval;
  };
  export default timers;
}

declare module 'k6/secrets' {
  interface Source {
    get(name: string): Promise<string>;
  }
  /** Sources are named by --secret-source. */
  const secrets: Source & { source(name: string): Promise<Source> };
  export default secrets;
}

declare module 'k6/experimental/fs' {
  export const SeekMode: { readonly Start: 0; readonly Current: 1; readonly End: 2 };
  export interface File {
    readonly path: string;
    /** How many bytes were read; null at the end. */
    read(into: Uint8Array): Promise<number | null>;
    seek(offset: number, whence: number): Promise<number>;
    stat(): Promise<{ name: string; size: number }>;
  }
  /** While the script loads. */
  export function open(path: string): Promise<File>;
  const fs: { open: typeof open; SeekMode: typeof SeekMode };
  export default fs;
}

declare module 'k6/experimental/csv' {
  import { File } from 'k6/experimental/fs';
  export interface Options {
    delimiter?: string;
    skipFirstLine?: boolean;
    /** Rows are objects whose names are in the first line. */
    asObjects?: boolean;
    fromLine?: number;
    toLine?: number;
  }
  /** All rows, shared by all virtual users. */
  export function parse(file: File, options?: Options): Promise<any[]>;
  export class Parser {
    constructor(file: File, options?: Options);
    next(): Promise<{ done: boolean; value: any }>;
  }
  const csv: { parse: typeof parse; Parser: typeof Parser };
  export default csv;
}

declare module 'k6/experimental/streams' {
  export interface Strategy<T> {
    highWaterMark?: number;
    size?(chunk: T): number;
  }
  export interface ReadableController<T> {
    readonly desiredSize: number | null;
    enqueue(chunk: T): void;
    close(): void;
    error(reason?: any): void;
  }
  export class ReadableStream<T = any> {
    constructor(source?: { start?(controller: ReadableController<T>): any; pull?(controller: ReadableController<T>): any; cancel?(reason?: any): any },
                strategy?: Strategy<T>);
    static from<T>(chunks: Iterable<T> | AsyncIterable<T>): ReadableStream<T>;
    readonly locked: boolean;
    cancel(reason?: any): Promise<void>;
    getReader(): ReadableStreamDefaultReader<T>;
    tee(): [ReadableStream<T>, ReadableStream<T>];
    pipeTo(target: WritableStream<T>, options?: { preventClose?: boolean; preventAbort?: boolean; preventCancel?: boolean }): Promise<void>;
    pipeThrough<U>(pair: { readable: ReadableStream<U>; writable: WritableStream<T> }): ReadableStream<U>;
    values(options?: { preventCancel?: boolean }): AsyncIterableIterator<T>;
    [Symbol.asyncIterator](): AsyncIterableIterator<T>;
  }
  export class ReadableStreamDefaultReader<T = any> {
    constructor(stream: ReadableStream<T>);
    readonly closed: Promise<void>;
    read(): Promise<{ done: boolean; value: T | undefined }>;
    cancel(reason?: any): Promise<void>;
    releaseLock(): void;
  }
  export class WritableStream<T = any> {
    constructor(sink?: { start?(controller: any): any; write?(chunk: T, controller: any): any; close?(): any; abort?(reason?: any): any },
                strategy?: Strategy<T>);
    readonly locked: boolean;
    abort(reason?: any): Promise<void>;
    close(): Promise<void>;
    getWriter(): WritableStreamDefaultWriter<T>;
  }
  export class WritableStreamDefaultWriter<T = any> {
    constructor(stream: WritableStream<T>);
    readonly closed: Promise<void>;
    readonly ready: Promise<void>;
    readonly desiredSize: number | null;
    write(chunk: T): Promise<void>;
    close(): Promise<void>;
    abort(reason?: any): Promise<void>;
    releaseLock(): void;
  }
  export class CountQueuingStrategy {
    constructor(options: { highWaterMark: number });
    readonly highWaterMark: number;
    readonly size: (chunk?: any) => number;
  }
  export class ByteLengthQueuingStrategy {
    constructor(options: { highWaterMark: number });
    readonly highWaterMark: number;
    readonly size: (chunk: any) => number;
  }
  import * as all from 'k6/experimental/streams';
  const streams: Omit<typeof all, 'default'>;
  export default streams;
}
