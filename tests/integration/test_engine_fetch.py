"""fetch() and what belongs to it, as scripts written for the web expect them."""
import json

import pytest

from test_engine_bodies import CHUNKED, PATIENCE_S, serve  # noqa: F401: a fixture
from test_engine_safety import run


def told(tmp_path, script, *flags):
    """What the script logs, and the run's results."""
    ran = run(tmp_path, "const t = (f) => { try { return f(); } catch (e) { return `${e.name}: ${e.message}`; } };\n" + script, "-q", "--out",
              "json=results.json", *flags)
    assert ran.code == 0 and "level=error" not in ran.err, ran.err
    return ran.messages(), json.loads((tmp_path / "results.json").read_text())


def answer(peer):
    """Says what it got; /to/... redirects there."""
    head, _, body = peer.request.partition("\r\n\r\n")
    line, *fields = head.split("\r\n")
    method, path, _ = line.split(" ")
    length = next((int(field.split(":")[1]) for field in fields if field.lower().startswith("content-length:")), 0)
    while len(body) < length:
        body += peer.connection.recv(65536).decode("latin-1")
    if path == "/silent":
        return peer.wait_for_the_end()
    if path == "/cookies":
        return peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n"
                         "Connection: close\r\n\r\n")
    if path == "/to/again":
        return peer.send("HTTP/1.1 302 Found\r\nLocation: /to/again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    if path.startswith("/to/"):
        return peer.send(f"HTTP/1.1 302 Found\r\nLocation: {path[3:]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    if path == "/open":
        peer.send(CHUNKED)
        peer.chunk("first")
        return peer.wait_for_the_end()
    status = path[1:] if path[1:].isdigit() else "200"
    kind = next((field.split(": ", 1)[1] for field in fields if field.lower().startswith("content-type:")), "none")
    said = f'{{"method":"{method}","path":"{path}","type":"{kind}","body":{len(body)}}}'
    return peer.send(f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: {len(said)}\r\n"
                     f"Connection: close\r\n\r\n{said}")


@pytest.mark.parametrize("flags", [(), ("--isolated-users",)])
def test_requests_and_answers(tmp_path, serve, flags):  # noqa: F811
    server = serve(answer)
    said, results = told(tmp_path, """
export default async function () {
  const url = '%s';
  const r = await fetch(url + '/a');
  console.log(r.ok, r.status, r.headers.get('x-a'), r.headers.get('nothing'), r.bodyUsed, (await r.json()).method, r.bodyUsed);
  console.log(await r.text().catch((e) => e.name + ' ' + e.message));
  const p = await (await fetch(url + '/p', { method: 'post', body: 'x=1', headers: [['X-B', 'c']] })).json();
  console.log(p.method, p.type, p.body);
  console.log((await (await fetch(url, { method: 'PUT', body: new URLSearchParams({ a: 'b' }) })).json()).type);
  console.log((await (await fetch(url, { method: 'PUT', body: new Uint8Array([0, 255, 1]) })).json()).body);
  const missing = await fetch(url + '/404');
  console.log(missing.ok, missing.status, missing.statusText);
  const gone = await fetch(url + '/to/b');
  console.log(gone.redirected, gone.url.slice(-2), (await gone.clone().json()).path, (await gone.json()).path);
  console.log((await fetch(url + '/to/b', { redirect: 'manual' })).status);
  console.log(await fetch(url + '/to/b', { redirect: 'error' }).catch((e) => e.name + ' ' + e.message));
  console.log(await fetch('http://127.0.0.1:1/').catch((e) => e instanceof TypeError && e.message.startsWith('fetch failed')));
  console.log(await fetch('nonsense').catch((e) => e instanceof TypeError));
  const request = new Request(url + '/r', { method: 'POST', body: 'abc' });
  console.log((await (await fetch(request)).json()).body, request.headers.get('Content-Type'));
  console.log(await fetch(url + '/to/again', { params: { tags: { name: 'round' } } }).catch((e) => e.message));
  console.log((await fetch(url + '/cookies')).headers.getSetCookie().join(' | '));
  console.log((await (await fetch(url, { method: 'PUT', body: await new Response('b').blob() })).json()).body);
  console.log(await fetch(url, { method: 'PUT', body: { a: 1 } }).catch((e) => e.message.split(':')[1]));
}""" % server.url, *flags)
    assert said == ["true 200 1, 2 null false GET true", "TypeError the body has been read already", "POST text/plain;charset=UTF-8 3",
                    "application/x-www-form-urlencoded;charset=UTF-8", "3", "false 404 Said", "true /b /b /b", "302",
                    "TypeError fetch failed: the answer is a redirect", "true", "true", "3 text/plain;charset=UTF-8",
                    "fetch failed: more than 20 redirects", "a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT | b=2", "1",
                    " give an object as JSON.stringify(object)"]
    rows = {(row["method"], row["name"]): row for row in results["endpoints"]}
    assert rows["GET", f"{server.url}/404"]["outcomes"] == {"404": 1} and rows["GET", f"{server.url}/404"]["failed"] == 1
    assert rows["GET", "round"]["outcomes"] == {"302": 21} and rows["PUT", server.url]["count"] == 3


def test_signals_end_what_they_were_given_to(tmp_path, serve):  # noqa: F811
    server = serve(answer)
    said, results = told(tmp_path, """
export default async function () {
  const url = '%s', told = (e) => `${e.name}: ${e.message}`;
  console.log(await fetch(url + '/silent', { signal: AbortSignal.timeout(50) }).catch(told));
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('enough')), 50);
  console.log(await fetch(url + '/silent', { signal: controller.signal }).catch(told));
  console.log(await fetch(url + '/a', { signal: AbortSignal.abort() }).catch(told));
  const later = new AbortController();
  const open = await fetch(url + '/open', { signal: AbortSignal.any([later.signal, AbortSignal.timeout(3600e3)]) });
  const reader = open.body.getReader();
  console.log((await reader.read()).value.length);
  setTimeout(() => later.abort(), 50);
  console.log(await reader.read().catch(told));
  const quick = await fetch(url + '/a', { signal: AbortSignal.timeout(3600e3) });  // keeps nothing waiting
  console.log(quick.status, await quick.text().then((text) => text.length > 0));
}""" % server.url)
    assert said == ["TimeoutError: The operation was aborted due to timeout", "Error: enough", "AbortError: This operation was aborted",
                    "5", "AbortError: This operation was aborted", "200 true"]
    assert server.closed.wait(PATIENCE_S)
    silent = next(row for row in results["endpoints"] if row["name"].endswith("/silent"))
    assert silent["outcomes"] == {"request aborted (1000)": 2} and silent["failed"] == 2


def test_a_signal_ends_an_async_request(tmp_path, serve):  # noqa: F811
    server = serve(answer)
    said, results = told(tmp_path, """
import http from 'k6/http';
export default async function () {
  const url = '%s', told = (e) => `${e.name}: ${e.message}`;
  const ask = (path, signal) => http.asyncRequest('GET', url + path, null, { signal }).then((answer) => answer.status, told);
  console.log(await ask('/silent', AbortSignal.timeout(50)));
  const controller = new AbortController();
  console.log(await Promise.all([ask('/a', controller.signal), ask('/a', null)]));
  setTimeout(() => controller.abort(new Error('enough')), 50);
  console.log(await ask('/silent', controller.signal));
  console.log(await ask('/a', controller.signal));
  console.log(await ask('/a', AbortSignal.timeout(3600e3)));  // keeps nothing waiting
  console.log(await ask('/a', {}));
}""" % server.url)
    assert said == ["TimeoutError: The operation was aborted due to timeout", '[ 200, 200 ]', "Error: enough", "Error: enough", "200",
                    "TypeError: asyncRequest: signal takes an AbortSignal"]
    silent = next(row for row in results["endpoints"] if row["name"].endswith("/silent"))
    assert silent["outcomes"] == {"request aborted (1000)": 2}


def test_signals_by_themselves(tmp_path):
    said, _ = told(tmp_path, """
export default async function () {
  const one = new AbortController(), both = AbortSignal.any([one.signal, new AbortController().signal]);
  let heard = 0;
  both.addEventListener('abort', () => { heard += 1; });
  both.onabort = () => { heard += 10; };
  const nested = AbortSignal.any([AbortSignal.any([AbortSignal.timeout(3600e3), one.signal])]);
  one.abort('why');
  one.abort('again');
  console.log(nested.aborted, both.aborted, both.reason, one.signal.reason, heard, t(() => new AbortSignal()));
  const late = AbortSignal.timeout(20);
  await new Promise((resolve) => late.addEventListener('abort', resolve));
  console.log(late.aborted, late.reason.name, t(() => late.throwIfAborted()));
  const h = new Headers({ B: ' 2 ', a: 1 });
  h.append('b', '3');
  console.log([...h].map((pair) => pair.join('=')).join('&'), h.has('A'), t(() => h.set('a b', 'x')).startsWith('TypeError'));
  console.log(await new Response('text').text(), await Response.json({ a: [1] }).json().then((x) => x.a[0]), t(() => new Request('x', { body: '' })));
}""")
    assert said[0] == "true true why why 11 TypeError: Illegal constructor: an AbortController makes signals"
    assert said[1].startswith("true TimeoutError TimeoutError:")
    assert said[2:] == ["a=1&b=2, 3 true true", "text 1 TypeError: Request: a GET has no body"]


def test_bodies(tmp_path, serve):  # noqa: F811
    server = serve(answer)
    (tmp_path / "file.txt").write_bytes(b"f" * 100_000)
    said, _ = told(tmp_path, """
import fs from 'k6/experimental/fs';
import { ReadableStream } from 'k6/experimental/streams';
let file;
(async () => { file = await fs.open('file.txt'); })();
export default async function () {
  const url = '%s', told = (e) => `${e.name}: ${e.message}`, put = async (body) => (await (await fetch(url, { method: 'PUT', body })).json()).body;
  const stream = (...parts) => new ReadableStream({ start: (c) => { for (const part of parts) c.enqueue(new TextEncoder().encode(part)); c.close(); } });
  console.log(await put(file), await put(file), await put(stream('ab', 'c')), (await new Response(file).bytes()).length);

  const silent = await fetch(url + '/open'), reader = silent.body.getReader();
  console.log((await reader.read()).value.length, await reader.cancel(), silent.bodyUsed);  // the server says no more
  for await (const part of (await fetch(url + '/open')).body) { console.log(part.length); break; }

  const half = await fetch(url + '/a'), first = half.body.getReader();
  console.log(half.bodyUsed, await first.read().then((r) => r.done), first.releaseLock(), half.bodyUsed, await half.text().catch(told));
  const none = await fetch(url + '/a', { method: 'HEAD' });
  console.log((await none.text() + await none.text()).length, none.bodyUsed, none.clone().body);

  const bytes = new Uint8Array([1, 2]), kept = new Response(bytes), twin = kept.clone();
  bytes.fill(0);
  console.log((await kept.bytes()).join(), (await twin.bytes()).join(), kept.bodyUsed);
  console.log(await new Response(new ReadableStream({ start: (c) => c.error(new RangeError('mine')) })).text().catch(told));
  console.log(t(() => new Response('x', { status: 204 })), t(() => Response.json(undefined)), t(() => new Headers({ a: '\u20ac' })).slice(0, 10));
  const once = new Request(url, { method: 'PUT', body: stream('abc') }), again = once.clone();
  console.log((await (await fetch(once)).json()).body, (await (await fetch(again)).json()).body, await fetch(once).catch(told));
  console.log((await (await fetch(url, { method: 'POST', body: '{}', params: { headers: { 'Content-Type': 'application/json' } } })).json()).type);
  console.log((await fetch(url + '/a b', null)).redirected);

  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  console.log(await fetch(url, { method: 'PUT', body: new ReadableStream({}), signal: stop.signal }).catch(told));
  const later = new AbortController(), cut = await fetch(url + '/open', { signal: later.signal }), copy = cut.clone();
  setTimeout(() => later.abort(), 50);
  console.log(await copy.text().catch(told));
}""" % server.url)
    assert said == ["100000 100000 3 100000", "5 undefined true", "5", "false false undefined true TypeError: the body has been read already",
                    "0 false null", "1,2 1,2 true", "RangeError: mine",
                    "TypeError: Response: a 204 has no body TypeError: Response.json takes what JSON can say TypeError:",
                    "3 3 TypeError: the body has been read already", "application/json", "false",
                    "AbortError: This operation was aborted", "AbortError: This operation was aborted"]


def test_a_signal_of_others_keeps_nothing_of_them(tmp_path, serve):  # noqa: F811
    server = serve(answer)
    said, results = told(tmp_path, """
export default async function () {
  const url = '%s', hour = AbortSignal.timeout(3600e3), user = new AbortController();
  AbortSignal.any([hour]);
  console.log((await (await fetch(url, { signal: hour })).json()).method);  // and no timer of an hour holds the iteration
  for (let i = 0; i < 3; i++) console.log((await (await fetch(url, { signal: AbortSignal.any([user.signal, AbortSignal.timeout(3600e3)]) })).json()).method);
  user.abort('late');
  const any = AbortSignal.any([hour, user.signal]);
  console.log(any.aborted, any.reason);
}""" % server.url)
    assert said == ["GET"] * 4 + ["true late"]
    assert results["metrics"]["iterations"]["values"]["count"] == 1


def test_strict_k6_has_none_of_it(tmp_path):
    ran = run(tmp_path, "export default () => console.log(typeof fetch, typeof AbortController, typeof Response);", "-q", "--strict-k6")
    assert ran.messages() == ["undefined undefined undefined"]
