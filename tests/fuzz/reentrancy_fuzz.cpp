// Scripts whose values call back: a getter, toString(), proxy, toJSON(), handler or iterator of what a native is given closes
// and replaces the objects that the native works on, calls it again, detaches buffers, collects garbage or throws.
//
// An input is the list of a script's decisions: which native it calls with which values, and what these do when they are
// looked at. The first byte also says whether an allocation fails in the middle, and which.
#include <string>

#include "engine/script/heap.hpp"
#include "fuzz/virtual_user.hpp"

using gauntlet::engine::script::FailingAllocations;

namespace {

constexpr std::chrono::seconds kPatience(2);
constexpr std::size_t kMostDecisions = 512;

constexpr std::string_view kScript = R"js(
import http from 'k6/http';
import grpc from 'k6/net/grpc';
import ws from 'k6/ws';
import k6crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import csv from 'k6/experimental/csv';
import { check, fail, group } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { parseHTML } from 'k6/html';
import { WebSocket, Blob } from 'k6/websockets';
import { ReadableStream } from 'k6/experimental/streams';
import { SharedArray } from 'k6/data';
const trend = new Trend('trend'), counter = new Counter('count'), shared = new SharedArray('s', () => [{ a: 1 }, 'x']);
const url = 'http://' + __ENV.SERVER, check_method = 'grpc.health.v1.Health/Check', stream_method = 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
let at = 0, depth = 0, left = 300, decisions = [];
const next = (below) => (at < decisions.length ? decisions[at++] : 0) % below;
const t = (f) => { try { return f(); } catch (e) { for (const k in e); } };
let client = new grpc.Client(), stream, body, socket, blob, response, page, jar, list = [1, 2, 3], kept = { a: 1, b: { c: [1] } }, buffer;
const then = () => Object.defineProperty(Object.prototype, 'then', { configurable: true, get() { delete Object.prototype.then; act(); } });
const acts = [
  () => gc(), () => { throw new Error('thrown'); }, () => { throw undefined; }, () => call(), () => client.close(), () => client.connect(__ENV.SERVER, { plaintext: true, timeout: '1s' }),
  () => { client = new grpc.Client(); gc(); }, () => stream.end(), () => stream.write({ listServices: '' }), () => { stream = new grpc.Stream(client, stream_method); }, () => { stream = null; gc(); },
  () => { exec.vu.metrics.tags['t' + next(9)] = 'x'; }, () => { for (const k in exec.vu.metrics.tags) delete exec.vu.metrics.tags[k]; }, () => { exec.vu.metrics.metadata['m' + next(9)] = 'x'; }, () => { delete exec.vu.metrics.metadata.m0; },
  () => socket.close(), () => { socket = null; gc(); }, () => buffer.transfer(), () => buffer.resize(next(3)), () => { list.length = 0; }, () => list.push(1, 2, 3, 4, 5), () => { for (const k in kept) delete kept[k]; },
  () => jar.clear(url), () => { jar.set(url, 'a', 'b'); }, () => { page = page.find('*').end(); }, () => { page = null; gc(); }, () => { response = http.get(url + '/json'); }, () => { response.body = null; gc(); }, () => response.json(),
  () => then(), () => { Array.prototype[1] = 1; delete Array.prototype[1]; }, () => http.setResponseCallback(next(2) ? null : http.expectedStatuses(200)), () => group('g', act), () => check(1, { a: act }), () => 0, () => body.close(), () => body.read(), () => { body = null; gc(); },
];
const act = () => { if (depth > 3 || left-- < 0) return; ++depth; try { acts[next(acts.length)](); } finally { --depth; } };
const names = ['headers', 'tags', 'cookies', 'jar', 'timeout', 'metadata', 'plaintext', 'reflect', 'tls', 'service', 'url', 'method', 'body', 'params', 'name', 'value', 'replace', 'type', 'min', 'max', 'length', '0', '1', 'toJSON', 'delimiter',
  'fromLine', 'hash', 'iv', 'formSelector', 'fields', 'path', 'domain', 'expires', 'buffer', 'byteLength', 'byteOffset', 'constructor', 'listServices', 'fileContainingSymbol', 'a', 'compression', 'responseType', 'prototype', 'start', 'pull', 'cacerts'];
const good = { headers: () => ({ A: value() }), tags: () => ({ a: 'b' }), metadata: () => ({ a: 'b' }), plaintext: () => true, reflect: () => true, service: () => '', listServices: () => '', method: () => 'POST', url: () => url + '/echo', timeout: () => '1s', length: () => 2, jar: () => jar };
const getter = (on, name) => t(() => Object.defineProperty(on, name, { enumerable: true, configurable: true, get() { act(); return good[name] && next(4) ? good[name]() : value(); } }));
const hostile = (on) => { for (let i = 1 + next(4); i > 0; --i) getter(on, names[next(names.length)]); return on; };
const values = [
  () => undefined, () => null, () => '', () => 'x', () => 1, () => -1, () => NaN, () => 1n, () => true, () => Symbol('s'), () => hostile({}), () => hostile({}), () => hostile({}), () => hostile([1, 2]), () => hostile(() => value()),
  () => new Proxy({ a: 1 }, { get() { act(); return value(); }, ownKeys() { act(); return ['a', 'headers']; }, getOwnPropertyDescriptor() { act(); return { value: value(), enumerable: true, configurable: true }; }, getPrototypeOf() { act(); return null; } }),
  () => ({ toString() { act(); return 'GET'; }, valueOf() { act(); return 1; } }), () => ({ [Symbol.toPrimitive]() { act(); return 'x'; } }), () => ({ toJSON() { act(); return value(); } }), () => new Uint8Array(buffer), () => buffer, () => hostile(new DataView(new ArrayBuffer(8))),
  () => hostile(new Uint8Array(4)), () => function () { act(); return value(); }, () => list, () => kept, () => url + '/json', () => url + '/echo', () => check_method, () => 'li', () => [value(), value()], () => page, () => jar, () => response, () => client,
  () => ({ [Symbol.iterator]: function* () { act(); yield value(); } }), () => new Date(0), () => async () => act(), () => blob, () => http.file('x', 'y'), () => http.expectedStatuses(200), () => shared, () => Promise.resolve(1), () => stream, () => socket, () => ({ a: value(), b: value() }),
];
const value = () => (left-- < 0 ? 1 : values[next(values.length)]());
const or = (usual) => (next(3) ? usual : value());
const selection = Object.getOwnPropertyNames(Object.getPrototypeOf(parseHTML('<a>')));
const subtle = ['digest', 'importKey', 'exportKey', 'generateKey', 'encrypt', 'decrypt', 'sign', 'verify', 'deriveBits', 'deriveKey', 'wrapKey', 'unwrapKey'];
const hashes = ['md5', 'sha1', 'sha256', 'md4'];
const calls = [
  (a, b) => http.get(or(url + '/json'), a), (a, b) => http.post(or(url + '/echo'), a, b), (a, b) => http.request(or('PUT'), or(url + '/echo'), a, b), (a, b) => http.batch(or([url + '/json', a, { url, get params() { act(); return b; } }])), (a, b) => { http.asyncRequest(or('GET'), or(url + '/json'), a, b).catch(() => {}); },
  (a, b) => http.file(a, b, value()), (a, b) => http.url(a, b), (a, b) => http.expectedStatuses(a, b), (a) => http.setResponseCallback(a), (a, b) => jar.set(or(url), a, b, value()), (a) => jar.cookiesForURL(or(url)), (a, b) => jar.delete(or(url), a),
  (a) => client.connect(or(__ENV.SERVER), a), (a) => client.connect(__ENV.SERVER, hostile({ plaintext: true, reflect: true })), (a, b) => client.invoke(or(check_method), a, b), (a, b) => client.invoke(check_method, hostile({}), b), (a, b) => client.invoke(check_method, { get service() { act(); return 'x'; } }, b), (a) => client.healthCheck(a),
  (a, b) => { client.asyncInvoke(or(check_method), a, b).catch(() => {}); }, (a) => { stream = new grpc.Stream(or(client), or(stream_method), a); stream.on('data', act); stream.on('error', act); stream.on('end', act); }, (a) => stream.write(a), (a) => stream.write({ get listServices() { act(); return ''; } }), (a) => stream.write({ listServices: '', get zzz() { act(); } }), (a, b) => stream.on(a, b),
  (a, b) => Reflect.construct(grpc.Stream, [client, stream_method, a], hostile(function () {})), (a, b) => check(a, or({ get a() { act(); return value(); } }), b), (a, b) => group(a, b), (a) => fail(a), (a, b) => trend.add(or(1), a), (a, b) => counter.add(a, hostile({})), (a, b) => console.debug(a, b),
  (a, b) => k6crypto[hashes[next(4)]](a, b), (a, b) => k6crypto.hmac(or('sha1'), a, b, value()), (a, b) => { const h = k6crypto.createHash(hashes[next(4)]); h.update(a); return h.digest(b); }, (a, b) => encoding.b64encode(a, b), (a, b) => encoding.b64decode(a, b, value()), (a) => { page = parseHTML(or('<ul><li data-a=1>1<li>2</ul><form><input name=a></form>')); },
  (a, b) => page[selection[next(selection.length)]](a, b), (a, b) => page.find('li')[selection[next(selection.length)]](a, b), (a, b) => page.find('li').each(() => { act(); return a; }), (a, b) => ws.connect(or('ws://' + __ENV.SERVER + '/s'), a, or(() => act())),
  (a, b) => { socket = new WebSocket(or('ws://' + __ENV.SERVER + '/s'), a, b); socket.onerror = act; socket.onclose = act; }, (a) => socket.send(a), (a, b) => socket.close(a, b), (a, b) => socket.addEventListener(a, b), (a) => { socket.binaryType = a; }, (a, b) => { blob = new Blob(or([a, b]), value()); }, (a, b) => blob.slice(a, b, value()), (a) => { blob.text().then(act, act); },
  (a) => new TextDecoder(or('utf-8')).decode(a), (a) => new TextEncoder().encode(a), (a, b) => { clearTimeout(setTimeout(or(act), 0, a, b)); }, (a) => { setTimeout(act, 0, a); }, (a) => clearTimeout(a), (a, b) => { csv.parse(a, b).catch(() => {}); }, (a, b) => { crypto.subtle[subtle[next(subtle.length)]](a, b, value(), value(), value()).catch(act); }, (a) => crypto.getRandomValues(a),
  (a, b) => { new ReadableStream(a, b).getReader().read().then(act, act); }, (a) => { response = or(http.get(url + '/json')); }, (a) => response.json(a), (a) => response.html(a), (a) => response.submitForm(a), (a) => response.clickLink(a), (a) => { response.body = a; }, (a) => Object.assign(response, a), (a) => JSON.stringify([response, a, shared]),
  (a, b) => JSON.parse(a, b), (a, b) => JSON.stringify(a, b), (a, b) => JSON.parse(response.body).items.map(act), (a, b) => Object.entries(response.json().items[0]).concat(a), (a) => { exec.vu.metrics.tags[next(2) ? 'a' : String(a)] = value(); }, (a) => { exec.vu.metrics.metadata.a = a; }, (a) => { __ENV = a; }, (a) => shared[a], (a) => shared.map(act), (a) => new SharedArray(a, act), (a, b) => { new Promise(act).then(a, b); }, (a) => { kept[next(3)] = a; },
  (a, b) => { body = http.post(or(url + '/echo'), a, { responseType: 'stream', headers: or(b) }).body; }, () => { for (const x of body) act(); }, () => body.text(), () => body.events()[Symbol.asyncIterator]().next().then(act, act), () => { body[Symbol.asyncIterator]().next().then(act, act); body.close(); },
];
const call = () => { if (depth > 3 || left-- < 0) return; ++depth; try { const f = calls[next(calls.length)]; return f(value(), value()); } finally { --depth; } };
export default async function () {
  decisions = taken;
  buffer = t(() => new ArrayBuffer(8, { maxByteLength: 16 }));
  jar = t(() => http.cookieJar());
  response = t(() => http.get(url + '/json'));
  page = t(() => parseHTML('<ul><li>1<li>2</ul>'));
  if (next(2)) t(() => client.connect(__ENV.SERVER, { plaintext: true, reflect: true, timeout: '1s' }));
  while (at < decisions.length) { depth = 0; left = 60; t(call); if (next(4) === 0) await 0; }
  await new Promise((ok) => setTimeout(ok, 2));
  t(() => client.close());
}
)js";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static gauntlet::fuzz::VirtualUser user;
  gauntlet::fuzz::Bytes bytes(data, size);
  const std::size_t failure = bytes.choice(256);
  std::string script = "const taken = [";
  for (const char decision : bytes.rest().substr(0, kMostDecisions)) script += std::to_string(static_cast<unsigned char>(decision)) + ",";
  script.append("];").append(kScript);
  FailingAllocations& failing = FailingAllocations::of_thread();
  const bool is_ready = user.run(
      std::move(script), kPatience,
      [&](gauntlet::engine::users::Vu& vu) {
        JSContext* const context = vu.context();
        const auto collect = [](JSContext* of, JSValueConst, int, JSValueConst*) {
          JS_RunGC(JS_GetRuntime(of));
          return JS_UNDEFINED;
        };
        const gauntlet::engine::script::Value global(context, JS_GetGlobalObject(context));
        global.set("gc", gauntlet::engine::script::Value(context, JS_NewCFunction(context, collect, "gc", 0)));
        if (failure % 2 == 0) return;
        failing.until = failure * failure / 4;
        failing.count = 1;
      },
      [&] { failing.count = 0; });
  failing.count = 0;
  gauntlet::fuzz::require(is_ready || user.was_cut(), "the script that takes the decisions loads");
  return 0;
}
