"""Bodies that are not held whole: answers read while they come (responseType 'stream'), as bytes, text and server-sent events;
files sent from one copy."""
import contextlib
import json
import re
import socket
import threading
import time
from concurrent import futures

import grpc
import pytest

from test_engine_safety import run

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
PATIENCE_S = 60


class Peer:
    """One connection of the server, past the head of its request."""

    def __init__(self, connection, request, server):
        self.connection, self.request, self.server = connection, request, server

    def send(self, text):
        self.connection.sendall(text if isinstance(text, bytes) else text.encode())

    def chunk(self, text):
        self.send(f"{len(text.encode()):x}\r\n{text}\r\n")

    def wait_for_the_end(self):
        self.connection.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionError):
            assert self.connection.recv(1) == b""
        self.server.closed.set()


class Server:
    """Calls `serve` with each request, on a thread of its own; a request to /go lets `go` pass."""

    def __init__(self, serve):
        self.serve, self.go, self.closed, self.problems = serve, threading.Event(), threading.Event(), []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.threads.append(threading.Thread(target=self.answer, args=(connection,)))
                self.threads[-1].start()

    def answer(self, connection):
        with connection:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    got = connection.recv(4096)
                    if not got:
                        return
                    head += got
                if head.startswith(b"GET /go "):
                    self.go.set()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                else:
                    self.serve(Peer(connection, head.decode("latin-1"), self))
            except (BrokenPipeError, ConnectionResetError):
                self.closed.set()
            except Exception as problem:  # told by close()
                self.problems.append(problem)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(PATIENCE_S)
        assert not self.problems, self.problems


@pytest.fixture()
def serve():
    servers = []

    def start(function):
        servers.append(Server(function))
        return servers[-1]

    yield start
    for one in servers:
        one.close()


def told(tmp_path, script, *flags):
    """What the script logs, and the run's metrics."""
    ran = run(tmp_path, "import http from 'k6/http';\nimport { sleep } from 'k6';\nconst stream = { responseType: 'stream' };\n" + script, "-q", "--out",
              "json=results.json", *flags)
    assert ran.code == 0, ran.err
    return ran.messages(), {name: one["values"] for name, one in json.loads((tmp_path / "results.json").read_text())["metrics"].items()}


def test_events_are_read_while_the_stream_is_open(tmp_path, serve):
    def chat(peer):
        peer.send(CHUNKED)
        peer.chunk("event: first\nid: 1\ndata: {\"a\":1}\n\nda")
        assert peer.server.go.wait(PATIENCE_S), "the script goes on with the first event"
        peer.chunk("ta: second\n\n")
        peer.wait_for_the_end()

    server = serve(chat)
    said, metrics = told(tmp_path, """
export default function () {
  const r = http.get('%s/chat', stream);
  console.log(r.status, r.headers['Content-Type'], r.timings.waiting > 0);
  for (const event of r.body.events()) {
    console.log(event.type, event.id, event.data.length);
    if (event.type === 'message') break;
    http.get('%s/go');
  }
  console.log(r.body.read());
}""" % (server.url, server.url))
    assert said == ["200 text/event-stream true", "first 1 7", "message 1 6", "null"]
    assert server.closed.wait(PATIENCE_S), "a loop that is left closes the stream"
    assert metrics["sse_events"]["count"] == 2 and metrics["http_reqs"]["count"] == 2 and metrics["http_req_failed"]["passes"] == 0
    assert metrics["sse_time_to_first_event"]["max"] > 0 and metrics["sse_time_between_events"]["max"] > 0


def test_awaiting_a_stream_leaves_the_user_to_others(tmp_path, serve):
    def chat(peer):
        peer.send(CHUNKED)
        for word in ("one", "two"):
            peer.chunk(f"data: {word}\n\n")
            assert peer.server.go.wait(PATIENCE_S), "a timer comes while an event is awaited"
        peer.send("0\r\n\r\n")

    server = serve(chat)
    said, metrics = told(tmp_path, """
export default async function () {
  const r = await http.asyncRequest('GET', '%s/chat', null, stream);
  setTimeout(() => http.get('%s/go'), 1);
  for await (const event of r.body.events()) console.log(event.data);
  console.log('over');
}""" % (server.url, server.url))
    assert said == ["one", "two", "over"] and metrics["sse_events"]["count"] == 2


@pytest.mark.parametrize("framing", ["Content-Length: 26\r\n\r\n", "Connection: close\r\n\r\n"])
def test_bytes_and_text_of_a_stream(tmp_path, serve, framing):
    def letters(peer):
        peer.send(HEAD + framing + "abc")
        assert peer.server.go.wait(PATIENCE_S)
        peer.send("defghijklmnopqrstuvwxyz")

    server = serve(letters)
    said, metrics = told(tmp_path, """
export default function () {
  const { body } = http.get('%s/', stream);
  const first = body.read();
  console.log(first instanceof Uint8Array, first[0]);
  http.get('%s/go');
  let read = first.length;
  for (const bytes of body) { read += bytes.length; break; }
  console.log(read > 3, body.read() === null, http.get('%s/', stream).body.text());
}""" % (server.url, server.url, server.url))
    assert said == ["true 97", "true true abcdefghijklmnopqrstuvwxyz"] and metrics["http_reqs"]["count"] == 3


def test_a_stream_over_http2(tmp_path):
    go = threading.Event()

    def count(_, __):
        yield b"1"
        assert go.wait(PATIENCE_S)
        yield b"2" * (3 << 20)

    def let_go(_, __):
        go.set()
        return b""

    pool = grpc.server(futures.ThreadPoolExecutor(4))
    pool.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s.S", {"Count": grpc.unary_stream_rpc_method_handler(count),
                                                                                "Go": grpc.unary_unary_rpc_method_handler(let_go)}),))
    port = pool.add_insecure_port("127.0.0.1:0")
    pool.start()
    said, metrics = told(tmp_path, """
export const options = { httpVersion: '2' };
const headers = { 'Content-Type': 'application/grpc', TE: 'trailers' }, empty = new Uint8Array(5).buffer, url = 'http://127.0.0.1:%d/s.S/';
export default function () {
  const r = http.post(url + 'Count', empty, { headers, responseType: 'stream' });
  let read = 0;
  for (const bytes of r.body) {
    if (read === 0) http.post(url + 'Go', empty, { headers });
    read += bytes.length;
  }
  console.log(r.proto, read);
}""" % port)
    pool.stop(0).wait()
    assert said == [f"HTTP/2.0 {5 + 1 + 5 + (3 << 20)}"] and metrics["http_reqs"]["count"] == 2


def test_a_stream_that_falls_silent_or_breaks_is_an_error(tmp_path, serve):
    def silent(peer):
        peer.send(CHUNKED)
        peer.chunk("data: one\n\n")
        if "/broken" in peer.request:
            return peer.send("no chunk\r\n")
        return peer.wait_for_the_end()

    server = serve(silent)
    said, metrics = told(tmp_path, """
export default function () {
  for (const path of ['/silent', '/broken']) {
    try {
      for (const event of http.get('%s' + path, { responseType: 'stream', timeout: '300ms' }).body.events()) console.log(event.data);
    } catch (e) { console.log(e); }
  }
}""" % server.url)
    assert said[0] == said[2] == "one" and "request timeout" in said[1] and "invalid byte in chunk length" in said[3], said
    assert metrics["http_req_failed"]["passes"] == metrics["http_reqs"]["count"] == 2


def test_a_stream_that_nobody_waits_for_may_be_silent_for_longer_than_the_timeout(tmp_path, serve):
    def pausing(peer):
        peer.send(CHUNKED)
        time.sleep(0.05)  # so that the first one is waited for
        peer.chunk("data: one\n\n")
        assert peer.server.go.wait(PATIENCE_S)
        peer.chunk("data: two\n\n")
        peer.send("0\r\n\r\n")

    server = serve(pausing)
    said, metrics = told(tmp_path, """
export default function () {
  for (const event of http.get('%s/', { responseType: 'stream', timeout: '500ms' }).body.events()) {
    console.log(event.data);
    if (event.data === 'one') { sleep(1); http.get('%s/go'); }
  }
}""" % (server.url, server.url))
    assert said == ["one", "two"] and metrics["http_req_failed"]["passes"] == 0


def open_for_ever(peer):
    peer.send(CHUNKED)
    peer.chunk("data: one\n\n")
    peer.wait_for_the_end()


def test_the_end_of_an_iteration_closes_its_streams(tmp_path, serve):
    server = serve(open_for_ever)
    said, metrics = told(tmp_path, """
export const options = { vus: 2, iterations: 4 };
export default function () { globalThis.kept = http.get('%s/', stream); }""" % server.url)
    assert server.closed.wait(PATIENCE_S)
    assert metrics["iterations"]["count"] == metrics["http_reqs"]["count"] == 4 and metrics["http_req_failed"]["passes"] == 0


def test_a_run_ends_although_a_stream_is_waited_for(tmp_path, serve):
    server = serve(open_for_ever)
    said, metrics = told(tmp_path, """
export const options = { scenarios: { s: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '0s' } } };
export default async function () {
  const { body } = http.get('%s/', stream);
  if (__VU === 1) for (const event of body.events()) console.log(event.data);
  else for await (const event of body.events()) console.log(event.data);
}""" % server.url)
    assert said == ["one", "one"] and metrics["http_reqs"]["count"] == 2


def test_a_server_that_sends_without_end_waits_for_its_reader(tmp_path, serve):
    sent = [0]

    def flood(peer):
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        peer.connection.settimeout(2)  # of not being read
        peer.send(CHUNKED)
        try:
            while sent[0] < 512 << 20:
                peer.chunk("data: " + "x" * 4000 + "\n\n" * 8)
                sent[0] += 4000
        except TimeoutError:
            peer.server.go.set()
            peer.connection.settimeout(None)

    server = serve(flood)
    said, _ = told(tmp_path, """
export default function () {
  const events = http.get('%s/', stream).body.events()[Symbol.iterator]();
  console.log(events.next().value.data.length);
  sleep(3);
  console.log(events.next().value.data.length);
}""" % server.url)
    assert said == ["4000", "4000"]
    assert server.go.wait(PATIENCE_S) and sent[0] < 64 << 20, "what nobody reads stays with the server"


def test_an_event_without_end_is_an_error(tmp_path, serve):
    def endless(peer):
        peer.send(CHUNKED)
        while True:
            peer.chunk("x" * 65536)

    server = serve(endless)
    said, _ = told(tmp_path, """
export const options = { maxHeapBytes: 16777216 };
export default function () {
  try { http.get('%s/', stream).body.events()[Symbol.iterator]().next(); } catch (e) { console.log(e); }
}""" % server.url)
    assert len(said) == 1 and "larger than the script's heap" in said[0]


def test_what_cannot_be_streamed_says_so(tmp_path, serve):
    server = serve(lambda peer: peer.send(HEAD + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"))
    said, _ = told(tmp_path, """
const t = (f) => { try { return f(); } catch (e) { return String(e); } };
export default async function () {
  console.log(http.batch([['GET', '%(url)s/', null, stream]])[0].error);
  console.log(t(() => http.get('%(url)s/', stream).body.read()));
  console.log(t(() => http.get('%(url)s/', stream).json()));
  console.log(http.get('http://127.0.0.1:1/', stream).body);
}""" % {"url": server.url})
    assert "http.batch() waits for whole answers" in said[0] and "Content-Encoding gzip" in said[1] and "the body is null" in said[2], said
    assert said[3] == "null"


def test_two_readers_of_one_stream_and_one_that_is_closed(tmp_path, serve):
    def open_for_ever(peer):
        peer.send(CHUNKED)
        peer.wait_for_the_end()

    server = serve(open_for_ever)
    said, _ = told(tmp_path, """
export default async function () {
  const { body } = http.get('%s/', stream);
  const reader = body[Symbol.asyncIterator]();
  const first = reader.next();
  await reader.next().catch((e) => console.log(e));
  body.close();
  console.log((await first).done, (await reader.next()).done, body.read());
}""" % server.url)
    assert "being read already" in said[0] and said[1:] == ["true true null"], said


def count_body(peer):
    head, _, body = peer.request.partition("\r\n\r\n")
    length = int(re.search(r"content-length: (\d+)", head, re.I).group(1))
    read = len(body)
    while read < length and (got := peer.connection.recv(1 << 18)):
        read += len(got)
    said = f'{{"body":{read}}}'
    peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n{said}")


@pytest.mark.parametrize("body", ["file", "http.file(file, 'n')"])
def test_files_are_sent_without_a_copy_for_each_user(tmp_path, serve, body):
    server = serve(count_body)
    (tmp_path / "large.bin").write_bytes(b"x" * (32 << 20))
    ran = run(tmp_path, """
import http from 'k6/http';
import { open } from 'k6/experimental/fs';
const file = await open('large.bin');
export const options = { vus: 20, iterations: 20 };
export default function () {
  const body = %s;
  const r = http.post('%s/u', body === file ? file : { a: 'b', f: body });
  if (r.json('body') < 32 << 20) throw new Error(r.body);
}""" % (body, server.url), "-q")
    assert ran.code == 0 and "level=error" not in ran.err, ran.err
    assert ran.peak_bytes < 448 << 20, "20 users, 32 MB each"


def test_a_form_of_thousands_of_files_is_sent(tmp_path, serve):
    server = serve(count_body)
    (tmp_path / "small.txt").write_text("small")
    said, _ = told(tmp_path, """
import { open } from 'k6/experimental/fs';
const file = await open('small.txt');
export default function () { console.log(http.post('%s/u', { f: Array(8000).fill(http.file(file, 'n')) }).json('body') > 8000 * 100); }""" % server.url)
    assert said == ["true"]
