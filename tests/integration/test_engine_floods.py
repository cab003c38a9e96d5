"""Servers that send faster than a script takes it, without end: what waits for the script is bounded, the other users of the
thread have their turns, and the run ends when it is to end."""
import base64
import contextlib
import gzip
import hashlib
import json
import re
import signal
import struct
import subprocess
import time
import zlib

import h2.config
import h2.connection
import h2.events
import pytest

from test_engine_safety import BOMB, CONTINUATION, DATA, GAUNTLET, GRPC_HEADERS, HEADERS, OK, PATIENCE_S, PING, SETTINGS, STATUS_200, HostileServer, frame, run

pytestmark = pytest.mark.alone

MOST_SENT = 512 << 20  # by one flood: enough to see who keeps it, little enough for the machine to survive that
MOST_KEPT = 250 << 20  # by the engine, at a heap limit of 32 MB a user


def flood(server, peer, piece, most=MOST_SENT):
    """The piece again and again, until the engine has had enough or `most` bytes are sent; how many it took."""
    sent = 0
    try:
        while not server.closing.is_set() and sent < most:
            peer.sendall(piece)
            sent += len(piece)
        while peer.recv(65536):
            pass
    except OSError:
        pass
    return sent


# WebSocket

def message(payload, opcode=1, final=True, deflated=False):
    head = bytes([(0x80 if final else 0) | (0x40 if deflated else 0) | opcode])
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload)) if len(payload) < 1 << 16 else b"\x7f" + struct.pack(">Q", len(payload))
    return head + length + payload


def deflated(payload):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return message((packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], deflated=True)


def upgrade(peer, extension=b""):
    request = b""
    while b"\r\n\r\n" not in request:
        got = peer.recv(65536)
        if not got:
            raise OSError("no request")
        request += got
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", request)[1]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    if b"permessage-deflate" in request:
        extension = b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
    peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n" + extension + b"\r\n")
    return re.search(rb"GET /(\S*)", request)[1].decode()


WEBSOCKET_PIECES = {
    "messages": message(b"x" * 1000) * 60,
    "tiny": message(b"") * 30_000,
    "pings": message(b"p" * 125, opcode=9) * 500,  # and the server reads no answer
    "pongs": message(b"p" * 125, opcode=10) * 500,
    "bombs": deflated(bytes(1 << 20)) * 60,
    "large": message(b"x" * (4 << 20)),
}
FRAGMENTS = message(b"", opcode=0, final=False) * 30_000  # of a message that never ends


def answer_websocket(server, peer):
    kind = upgrade(peer)
    if kind == "fragments":
        peer.sendall(message(b"x", final=False))
    flood(server, peer, FRAGMENTS if kind == "fragments" else WEBSOCKET_PIECES[kind])


WS = """
import ws from 'k6/ws';
import { sleep } from 'k6';
export const options = { maxHeapBytes: 32 << 20, scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '60s' } } };
export default function () {
  let taken = 0;
  ws.connect(`ws://${__ENV.SERVER}/${__ENV.KIND}`, { compression: __ENV.KIND === 'bombs' ? 'deflate' : '' }, (socket) => {
    const slowly = () => { if (++taken % 100 === 1) WAIT; };
    for (const event of ['message', 'ping', 'pong']) socket.on(event, slowly);
    socket.setTimeout(() => socket.close(), 800);
  });
  console.log('closed', taken > 0);
}
"""
WEBSOCKETS = """
import { WebSocket } from 'k6/websockets';
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
export const options = { maxHeapBytes: 32 << 20, scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '60s' } } };
export default function () {
  let taken = 0;
  const socket = new WebSocket(`ws://${__ENV.SERVER}/${__ENV.KIND}`, null, { compression: __ENV.KIND === 'bombs' ? 'deflate' : '' });
  const slowly = () => { if (++taken % 100 === 1) WAIT; };
  for (const event of ['message', 'ping', 'pong']) socket.addEventListener(event, slowly);
  setTimeout(() => { console.log('closed', taken > 0); throw new Error('enough'); }, 800);
}
"""
WAITS = {"sleeping": "sleep(0.2)", "computing": "for (const end = Date.now() + 200; Date.now() < end;);"}


@pytest.mark.parametrize("module, kind, wait", [*(("ws", kind, "sleeping") for kind in WEBSOCKET_PIECES), ("ws", "messages", "computing"),
                                                *(("websockets", kind, "sleeping") for kind in ("messages", "tiny", "bombs")), ("websockets", "messages", "computing")])
def test_a_websocket_is_read_no_faster_than_its_script_takes_what_comes(tmp_path, module, kind, wait):
    script = {"ws": WS, "websockets": WEBSOCKETS}[module]
    with HostileServer(answer_websocket) as server:
        ran = run(tmp_path, script.replace("WAIT", WAITS[wait]), "-e", f"SERVER={server.address}", "-e", f"KIND={kind}")
    assert ran.code == 0 and ran.messages() == ["closed true"], ran.err[-2000:]  # its timer had its turn
    assert "1 complete and 0 interrupted iterations" in ran.out
    assert ran.peak_bytes < MOST_KEPT


def test_a_websocket_message_that_the_heap_has_no_room_for_is_not_gathered(tmp_path):
    head = b"\x82\x7f" + struct.pack(">Q", 200 << 20)

    def answer(server, peer):
        upgrade(peer)
        peer.sendall(head)
        flood(server, peer, bytes(1 << 16))
    with HostileServer(answer) as server:
        ran = run(tmp_path, """
            import ws from 'k6/ws';
            export const options = { maxHeapBytes: 32 << 20 };
            export default function () {
              ws.connect(`ws://${__ENV.SERVER}/`, (socket) => socket.on('error', (e) => console.log(e.error())));
            }
        """, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and ran.messages() == ["websocket: close sent"], ran.err[-2000:]
    assert ran.peak_bytes < MOST_KEPT


# In order and complete, however slowly they are taken. The server's numbers go on while the script sleeps.

NUMBERS = 30_000


def numbered(peer):
    upgrade(peer)
    for first in range(0, NUMBERS, 1000):
        peer.sendall(b"".join(message(b"%d:" % i + b"x" * (i % 300)) for i in range(first, first + 1000)))
    peer.sendall(message(struct.pack(">H", 1000), opcode=8))
    while peer.recv(65536):
        pass


@pytest.mark.parametrize("script", [
    """
    import ws from 'k6/ws';
    import { sleep } from 'k6';
    export default function () {
      let next = 0;
      ws.connect(`ws://${__ENV.SERVER}/`, (socket) => socket.on('message', (m) => { if (m === `${next}:` + 'x'.repeat(next % 300)) ++next; if (next % 5000 === 1) sleep(0.1); }));
      console.log('in order', next);
    }""",
    """
    import { WebSocket } from 'k6/websockets';
    import { sleep } from 'k6';
    export default function () {
      let next = 0;
      const socket = new WebSocket(`ws://${__ENV.SERVER}/`);
      socket.onmessage = ({ data }) => { if (data === `${next}:` + 'x'.repeat(next % 300)) ++next; if (next % 5000 === 1) sleep(0.1); };
      socket.onclose = () => console.log('in order', next);
    }"""], ids=["ws", "websockets"])
def test_messages_that_wait_for_a_script_come_in_order_and_complete(tmp_path, script):
    with HostileServer(lambda server, peer: numbered(peer)) as server:
        ran = run(tmp_path, script, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and ran.messages() == [f"in order {NUMBERS}"], ran.err[-2000:]


# HTTP/2 and gRPC

PROTO = 'syntax = "proto3";\npackage flood;\nmessage Text { string text = 1; }\nservice Echo { rpc Say(Text) returns (Text); rpc Many(Text) returns (stream Text); }\n'
TEXT = b"\x0a\xe0\x07" + b"x" * 992


def grpc_message(payload, packed=False):
    return struct.pack(">BI", packed, len(payload)) + payload


STREAM_PIECES = {
    "tiny": grpc_message(b"") * 3200,
    "messages": grpc_message(TEXT) * 16,
    "bombs": b"".join([grpc_message(gzip.compress(b"\x0a\x80\x80\x80\x01" + bytes(2 << 20)), True)] * 7),
}


class Http2Flood:
    """Answers the first request on each connection with pieces for as long as its client opens the window."""

    def __init__(self, piece, headers=(), ends_after=None):
        self.piece, self.headers, self.ends_after, self.sent = piece, headers, ends_after, 0

    def __call__(self, server, peer):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        peer.sendall(connection.data_to_send())
        stream, sent = None, 0
        while not server.closing.is_set() and sent < MOST_SENT:
            window = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size) if stream else 0
            if window < len(self.piece):
                got = peer.recv(65536)
                if not got:
                    return
                for event in connection.receive_data(got):
                    if isinstance(event, h2.events.RequestReceived):
                        stream = event.stream_id
                        connection.send_headers(stream, [(":status", "200"), *self.headers])
                    if isinstance(event, h2.events.StreamReset):
                        return
            else:
                if self.ends_after is not None and sent >= self.ends_after:
                    connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
                    stream = None
                else:
                    connection.send_data(stream, self.piece)
                sent += len(self.piece)
            peer.sendall(connection.data_to_send())
            self.sent = max(self.sent, sent)


GRPC = [("content-type", "application/grpc"), ("grpc-encoding", "gzip")]
STREAM = """
import grpc from 'k6/net/grpc';
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
const client = new grpc.Client();
client.load(['.'], 'echo.proto');
export const options = { maxHeapBytes: 32 << 20, scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '60s' } } };
export default function () {
  client.connect(__ENV.SERVER, { plaintext: true });
  const stream = new grpc.Stream(client, 'flood.Echo/Many');
  let taken = 0, closed = false;
  stream.on('data', () => { if (++taken % 100 === 1 && !closed) WAIT; });
  stream.on('error', (e) => console.log(e.code, e.message));
  stream.on('end', () => console.log('end', taken > 0));
  stream.write({ text: 'a' });
  setTimeout(() => { closed = true; client.close(); }, 800);
}
"""


@pytest.mark.parametrize("kind, wait", [(kind, "sleeping") for kind in STREAM_PIECES] + [("messages", "computing")])
def test_a_grpc_stream_is_read_no_faster_than_its_script_takes_what_comes(tmp_path, kind, wait):
    (tmp_path / "echo.proto").write_text(PROTO)
    answer = Http2Flood(STREAM_PIECES[kind], GRPC)
    with HostileServer(answer) as server:
        ran = run(tmp_path, STREAM.replace("WAIT", WAITS[wait]), "-e", f"SERVER={server.address}")
    assert ran.code == 0 and ran.messages() == ["1 grpc: the client connection is closing", "end true"], ran.err[-2000:]
    assert ran.peak_bytes < MOST_KEPT


def test_the_end_of_a_grpc_stream_waits_behind_its_messages(tmp_path):
    (tmp_path / "echo.proto").write_text(PROTO)
    per_piece, pieces = 16, 100
    answer = Http2Flood(STREAM_PIECES["messages"], GRPC, ends_after=pieces * len(STREAM_PIECES["messages"]))
    with HostileServer(answer) as server:
        ran = run(tmp_path, """
            import grpc from 'k6/net/grpc';
            import { sleep } from 'k6';
            const client = new grpc.Client();
            client.load(['.'], 'echo.proto');
            export default function () {
              client.connect(__ENV.SERVER, { plaintext: true });
              const stream = new grpc.Stream(client, 'flood.Echo/Many');
              let taken = 0;
              stream.on('data', () => { if (++taken % 500 === 1) sleep(0.1); });
              stream.on('end', () => { console.log('end', taken); client.close(); });
              stream.write({ text: 'a' });
            }
        """, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and ran.messages() == [f"end {per_piece * pieces}"], ran.err[-2000:]


def test_a_server_that_describes_itself_without_end_is_refused(tmp_path):
    with HostileServer(Http2Flood(STREAM_PIECES["messages"], GRPC)) as server:
        ran = run(tmp_path, """
            import grpc from 'k6/net/grpc';
            const client = new grpc.Client();
            export default function () {
              try { client.connect(__ENV.SERVER, { plaintext: true, reflect: true }); } catch (e) { console.log(e.message); }
            }
        """, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and len(ran.messages()) == 1 and "the server describes itself with more than 67108864 bytes" in ran.messages()[0], ran.err[-2000:]
    assert ran.peak_bytes < MOST_KEPT


def test_compressed_headers_do_not_unpack_to_more_than_the_server_was_told(tmp_path):
    """One header of 4 KB in HPACK's table, named again by one byte each."""
    entry = b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000
    block = STATUS_200 + entry + b"\xbe" * 12_000

    def answer(server, peer):
        peer.sendall(frame(SETTINGS, 0, 0))
        frames, kind = peer.makefile("rb"), None
        frames.read(24)
        while kind != HEADERS:
            head = frames.read(9)
            kind = head[3]
            frames.read(int.from_bytes(head[:3], "big"))
        peer.sendall(frame(HEADERS, 0, 1, block) + b"".join(frame(CONTINUATION, 0, 1, b"\xbe" * 16_000) for _ in range(6)) + frame(CONTINUATION, 4, 1, b"\xbe" * 16_000))
        while peer.recv(65536):
            pass
    (tmp_path / "echo.proto").write_text(PROTO)
    with HostileServer(answer) as server:
        ran = run(tmp_path, """
            import http from 'k6/http';
            import grpc from 'k6/net/grpc';
            const client = new grpc.Client();
            client.load(['.'], 'echo.proto');
            export const options = { httpVersion: '2' };
            export default function () {
              console.log(http.get(`http://${__ENV.SERVER}/`, { timeout: '10s' }).error);
              client.connect(__ENV.SERVER, { plaintext: true });
              console.log(client.invoke('flood.Echo/Say', {}, { timeout: '10s' }).error.message);
              client.close();
            }
        """, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and len(ran.messages()) == 2 and all("INTERNAL_ERROR" in m for m in ran.messages()), ran.err[-2000:]
    assert ran.peak_bytes < MOST_KEPT


def test_a_body_that_the_heap_has_no_room_for_is_not_gathered(tmp_path):
    with HostileServer(lambda server, peer: (peer.recv(65536), peer.sendall(OK + b"\r\n"), flood(server, peer, bytes(1 << 20)))) as server:
        ran = run(tmp_path, """
            import http from 'k6/http';
            export const options = { maxHeapBytes: 32 << 20 };
            export default function () {
              try { http.get(`http://${__ENV.SERVER}/`); } catch (e) { console.log(e.message); }
              console.log(http.get(`http://${__ENV.SERVER}/`, { responseType: 'none', timeout: '1s' }).error);
            }
        """, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and len(ran.messages()) == 2, ran.err[-2000:]
    assert "limited to 32 MB (option maxHeapBytes)" in ran.messages()[0] and ran.messages()[1] == "request timeout"
    assert 'error="response body exceeded 33554432 bytes; aborted"' in ran.err
    assert ran.peak_bytes < MOST_KEPT


# Promises and events of a connection that is closed

CLOSED = """
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load(['.'], 'echo.proto');
export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '60s' } } };
export default async function () {
  const open = () => client.connect(__ENV.SERVER, { plaintext: true });
  open();
  const calls = [1, 2].map(() => client.asyncInvoke('flood.Echo/Say', {}));
  const ended = new Promise((resolve) => {
    const stream = new grpc.Stream(client, 'flood.Echo/Many');
    stream.on('error', (e) => console.log('stream', e.code, e.message));
    stream.on('end', resolve);
    stream.write({ text: 'a' });
  });
  END;
  for (const { status, error } of await Promise.all(calls)) console.log('call', status, error.message);
  await ended;
  console.log('over');
}
"""


@pytest.mark.parametrize("end", ["client.close()", "open()", "await Promise.resolve(); client.close(); client.close()", "calls.push(client.asyncInvoke('flood.Echo/Say', {})); open(); client.close()"])
def test_what_is_under_way_on_a_grpc_client_that_is_closed_ends_with_an_error(tmp_path, end):
    (tmp_path / "echo.proto").write_text(PROTO)

    def answer(server, peer):
        peer.sendall(frame(SETTINGS, 0, 0))
        while peer.recv(65536):
            pass
    with HostileServer(answer) as server:
        ran = run(tmp_path, CLOSED.replace("END", end), "-e", f"SERVER={server.address}")
    closing = "grpc: the client connection is closing"
    assert ran.code == 0, ran.err[-2000:]
    assert sorted(ran.messages()) == sorted([f"stream 1 {closing}", *[f"call 1 {closing}"] * (2 + end.count("push")), "over"]), ran.err[-2000:]


def test_a_websocket_whose_server_has_not_read_for_long_closes_all_the_same(tmp_path):
    """More is unsent than may be; the close frame is not one too many."""

    def answer(server, peer):
        upgrade(peer)
        server.closing.wait(1)
        frames, opcode = peer.makefile("rb"), 0
        while opcode != 8:
            first, length = frames.read(2)
            opcode, length = first & 15, length & 127
            if length > 125:
                length = int.from_bytes(frames.read(2 if length == 126 else 8), "big")
            frames.read(4 + length)
        peer.sendall(message(struct.pack(">H", 1000), opcode=8))
        peer.recv(1)
    with HostileServer(answer) as server:
        ran = run(tmp_path, """
            import { WebSocket } from 'k6/websockets';
            export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '20s', gracefulStop: '0s' } } };
            export default function () {
              const socket = new WebSocket(`ws://${__ENV.SERVER}/`);
              socket.onopen = () => {
                for (const bytes = new Uint8Array(16 << 20); socket.bufferedAmount <= 64 << 20;) socket.send(bytes);
                socket.close();
              };
              socket.onclose = ({ code }) => console.log('closed', code);
            }
        """, "-e", f"SERVER={server.address}")
    assert ran.code == 0 and ran.messages() == ["closed 1000"], ran.err[-2000:]


# The thread's other users

FLOODS1 = {
    "body": OK + b"\r\n" + b"x" * (1 << 20),
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000,
    "gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + BOMB[:400_000],
    "hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3,
    "redirects": b"HTTP/1.1 302 Found\r\nLocation: /redirects\r\nContent-Length: 0\r\n\r\n",
}


def answer_http1_flood(server, peer):
    while got := peer.recv(65536):
        kind = got.split()[1].decode().strip("/")
        peer.sendall(FLOODS1[kind])
        if kind == "chunks":
            flood(server, peer, b"1\r\nx\r\n" * 10_000, 4 << 30)
        elif kind in ("body", "gzip"):
            flood(server, peer, bytes(1 << 18), 16 << 30)


HTTP2_FRAMES = {
    "pings": frame(PING, 0, 0, b"12345678") * 500,
    "settings": frame(SETTINGS, 0, 0) * 500,
    "empty data": frame(HEADERS, 4, 1, STATUS_200) + frame(DATA, 0, 1) * 5000,
    "hints": frame(HEADERS, 4, 1, b"\x08\x03103") * 3000,
    "unknown": frame(250, 0, 0) * 5000,
}
OTHER = """
import http from 'k6/http';
import grpc from 'k6/net/grpc';
import ws from 'k6/ws';
import { WebSocket } from 'k6/websockets';
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';
const client = new grpc.Client(), others = new Counter('others'), floods = JSON.parse(__ENV.FLOODS);
client.load(['.'], 'echo.proto');
const scenario = (exec, env) => ({ executor: 'constant-vus', vus: 1, duration: '2s', gracefulStop: '0s', exec, env });
export const options = { maxHeapBytes: 32 << 20, scenarios: { other: scenario('other', {}) }, httpVersion: __ENV.HTTP };
floods.forEach((flood, i) => { options.scenarios[`flooded_${i}`] = scenario('flooded', { FLOOD: String(i) }); });
const flooded_by = {
  http: (url) => http.get(`http://${url}`, { timeout: '60s', responseType: 'none', redirects: 1e9 }),
  ws: (url, listens) => ws.connect(`ws://${url}`, (socket) => { if (listens) for (const event of ['message', 'ping']) socket.on(event, () => {}); }),
  websockets: (url, listens) => { const socket = new WebSocket(`ws://${url}`); if (listens) socket.onmessage = () => {}; },
  grpc: (url, listens) => {
    client.connect(url.split('/')[0], { plaintext: true });
    const stream = new grpc.Stream(client, 'flood.Echo/Many');
    if (listens) stream.on('data', () => {});
    stream.on('error', () => {});
    stream.write({ text: 'a' });
  },
};
export function flooded() { const { by, url, listens } = floods[__ENV.FLOOD]; flooded_by[by](url, listens); }
export function other() { others.add(1); sleep(0.02); }
export function handleSummary(data) { return { stdout: `others=${data.metrics.others.values.count}\\n` }; }
"""


def http2_frames(kind):
    def answer(server, peer):
        while b"\x01" not in peer.recv(65536):
            pass
        peer.sendall(frame(SETTINGS, 0, 0))
        server.drip(peer, HTTP2_FRAMES[kind])
    return answer


# By protocol: (what the server does, what the path names, what the script floods itself by, whether it listens)
FLOODS = {
    "http1": [(answer_http1_flood, kind, "http", False) for kind in FLOODS1],
    "http2": [*((http2_frames(kind), "", "http", False) for kind in HTTP2_FRAMES), (Http2Flood(b"x" * 16384), "", "http", False)],
    "websocket": [(answer_websocket, kind, by, listens) for kind, by, listens in
                  [("messages", "ws", True), ("tiny", "ws", False), ("tiny", "websockets", True), ("pings", "websockets", False), ("pings", "ws", True), ("fragments", "ws", True)]],
    "grpc": [(Http2Flood(STREAM_PIECES[kind], GRPC), "", "grpc", listens) for kind in ("tiny", "messages") for listens in (False, True)],
}


def count_of_others(tmp_path, floods, http="1.1"):
    """How often a user went round beside the flooded ones of its thread; none of them ended before it was to."""
    (tmp_path / "echo.proto").write_text(PROTO)
    with contextlib.ExitStack() as stack:
        given = [{"by": by, "url": f"{stack.enter_context(HostileServer(answer)).address}/{kind}", "listens": listens} for answer, kind, by, listens in floods]
        ran = run(tmp_path, OTHER, "--threads", "1", "-e", f"FLOODS={json.dumps(given)}", "-e", f"HTTP={http}")
    assert ran.code == 0, ran.err[-2000:]
    assert ran.peak_bytes < MOST_KEPT + (len(floods) * 32 << 20)
    return int(re.search(r"others=(\d+)", ran.out)[1])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return count_of_others(tmp_path_factory.mktemp("idle"), [(lambda server, peer: server.closing.wait(30), "", "http", False)] * 4)


@pytest.mark.parametrize("protocol", FLOODS)
def test_flooded_users_leave_their_thread_to_the_others(tmp_path, undisturbed, protocol):
    assert count_of_others(tmp_path, FLOODS[protocol], "2" if protocol == "http2" else "1.1") > undisturbed / 10


@pytest.mark.parametrize("by", ["ws", "websockets"])
def test_a_flooded_run_ends_with_the_first_signal(tmp_path, by):
    (tmp_path / "echo.proto").write_text(PROTO)
    (tmp_path / "script.js").write_text(OTHER.replace("duration: '2s', gracefulStop: '0s'", "duration: '10m'").replace("others.add(1)", "others.add(1); console.log('at work')"))
    with HostileServer(answer_websocket) as server:
        flood = {"by": by, "url": f"{server.address}/tiny", "listens": True}
        child = subprocess.Popen([GAUNTLET, "run", "--threads", "1", "-e", f"FLOODS={json.dumps([flood])}", "-e", "HTTP=1.1", "script.js"], cwd=tmp_path,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert "at work" in child.stderr.readline()
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        child.stderr.read()
        assert child.wait(PATIENCE_S) == 105
        child.stderr.close()
