"""Scripts and servers that reach into the middle of a native, by getters, deep nesting and full heaps: each ends with an ordinary error."""
import http.server
import json
import threading

import pytest

from interop_server import interop_server
from test_engine_safety import run

ONE = "export const options = { vus: 1, iterations: 1%s };\n"
TELL = "const tell = (f) => { try { f(); console.log('none'); } catch (e) { console.log(String(e).slice(0, 120)); } };\n"


class JsonServer:
    """Answers each path with the body that `bodies` has for it."""

    def __init__(self, bodies):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = bodies[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


DEEP = """
import http from 'k6/http';
export default function () {
  for (const path of PATHS) {
    const r = http.get(URL + path);
    tell(() => r.json()); tell(() => JSON.parse(r.body)); tell(() => r.json('a.b')); tell(() => r.json('@flatten:{"deep":true}')); tell(() => r.html('a').data());
  }
  console.log('survived');
}
"""


def test_answers_that_nest_without_end_are_refused(tmp_path):
    bodies = {f"/{n}{closed}": b"[" * n + (b"]" * n if closed else b"") for n in (900, 5_000, 9_999, 2_000_000) for closed in (0, 1)}
    bodies["/objects"] = b'{"a":' * 100_000
    bodies["/tags"] = b"<b>" * 20_000 + b"<a data-a='" + b"[" * 100_000 + b"'>"
    with JsonServer(bodies) as server:
        ran = run(tmp_path, ONE % "" + TELL + DEEP.replace("PATHS", json.dumps(list(bodies))).replace("URL", json.dumps(server.url)), "-q")
    assert ran.code == 0, (ran.code, ran.err[-3000:])
    said = ran.messages()
    assert said[-1] == "survived"
    told = dict(zip(bodies, said[::5]))  # what r.json() said to each
    assert "exceeded max depth" in told["/20000000"] and "exceeded max depth" in told["/objects"], told
    assert "unexpected end of JSON input" in told["/50000"], told
    assert told["/9001"] == "none" or "Maximum call stack" in told["/9001"], told
    assert "Maximum call stack size exceeded" in told["/99991"], told


DEEP_DATA = """
import http from 'k6/http';
import grpc from 'k6/net/grpc';
import { check } from 'k6';
import { SharedArray } from 'k6/data';
import { parseHTML } from 'k6/html';
let deep = {}; for (let i = 0; i < 20000; ++i) deep = { a: deep, b: [1] };
let chain = []; for (let i = 0; i < 20000; ++i) chain = [chain];
let text = ''; for (let i = 0; i < 600; ++i) text = '[' + text + ']';
const shared = new SharedArray('s', () => [JSON.parse(text)]);
export default function () {
  for (const value of [deep, chain]) {
    tell(() => JSON.stringify(value)); tell(() => http.post('http://127.0.0.1:1/', value)); tell(() => http.post('http://127.0.0.1:1/', { a: value })); tell(() => console.debug(value));
    tell(() => structuredClone(value)); tell(() => check(value, { a: value }, value)); tell(() => String(value)); tell(() => value.flat && value.flat(Infinity));
  }
  tell(() => { let n = 0; for (let at = shared[0]; at; at = at[0]) ++n; if (n !== 600) throw n; });
  tell(() => { let s = parseHTML('<ul><li>'); for (let i = 0; i < 20000; ++i) s = s.first(); });
  const bottom = () => { try { bottom(); } catch (e) { tell(() => http.get('http://127.0.0.1:1/').json('a' + '.a'.repeat(70))); throw e; } };
  tell(bottom);
  console.log('survived');
}
"""


def test_values_that_nest_without_end_cost_an_error(tmp_path):
    ran = run(tmp_path, ONE % ", maxHeapBytes: 67108864" + TELL + DEEP_DATA, "-q")
    assert ran.code == 0, (ran.code, ran.err[-3000:])
    assert ran.messages()[-1] == "survived"


GRPC = """
import grpc from 'k6/net/grpc';
const CHECK = 'grpc.health.v1.Health/Check', STREAM = 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
function connected() { const c = new grpc.Client(); c.connect('ADDRESS', { plaintext: true, reflect: true }); return c; }
const closing = (c, name, value) => ({ get [name]() { c.close(); return value; } });
const replacing = (c, name, value) => ({ get [name]() { c.connect('ADDRESS', { plaintext: true }); return value; } });
export default async function () {
  for (const how of [closing, replacing]) {
    let c = connected(); tell(() => c.invoke(CHECK, how(c, 'service', '')));
    c = connected(); tell(() => c.invoke(CHECK, how(c, 'zzz', '')));
    for (const name of ['metadata', 'tags']) { c = connected(); tell(() => c.invoke(CHECK, {}, how(c, name, {}))); }
    c = connected(); tell(() => c.invoke(CHECK, {}, { metadata: how(c, 'a', 'b') }));
    c = connected(); tell(() => c.healthCheck({ toJSON() { how(c, 'a').a; return ''; } }));
    c = connected(); try { await c.asyncInvoke(CHECK, how(c, 'service', '')); console.log('none'); } catch (e) { console.log(String(e.message || e)); }
    c = connected(); tell(() => { new grpc.Stream(c, STREAM, how(c, 'metadata', {})).end(); });
    c = connected(); tell(() => { Reflect.construct(grpc.Stream, [c, STREAM], Object.defineProperty(function () {}.bind(), 'prototype', { get() { how(c, 'a').a; return grpc.Stream.prototype; } })).end(); });
    c = connected(); tell(() => { const s = new grpc.Stream(c, STREAM); s.on('error', () => {}); s.write(how(c, 'listServices', '')); s.end(); });
    c = connected(); tell(() => { const s = new grpc.Stream(c, STREAM); s.on('error', () => {}); s.write({ ...how(c, 'listServices', ''), zzz: 1 }); s.write({ get listServices() { s.end(); return ''; } }); });
    c = connected(); tell(() => c.connect('ADDRESS', how(c, 'plaintext', true)));
    c.close();
  }
  console.log('survived');
}
"""


def test_getters_that_close_or_replace_a_grpc_connection_cost_that_call(tmp_path):
    with interop_server() as server:
        ran = run(tmp_path, ONE % "" + TELL + GRPC.replace("ADDRESS", server.address), "-q")
    assert ran.code == 0, (ran.code, ran.err[-3000:])
    said = ran.messages()
    assert said[-1] == "survived", ran.err[-3000:]
    not_connected = "no gRPC connection, you must call connect first"
    assert not_connected in said[0] and not_connected in said[2] and not_connected in said[6], said
    assert said[12] == "none", said  # a new connection serves


VIEWS = """
import http from 'k6/http';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
export default function () {
  const lying = (name, value) => Object.defineProperty(new DataView(new ArrayBuffer(8)), name, { get: () => value });
  for (const view of [lying('byteLength', 1 << 20), lying('byteOffset', -4096), lying('byteOffset', 1 << 30), lying('buffer', new ArrayBuffer(1 << 20)), new DataView(new ArrayBuffer(8).transfer())]) {
    console.log(encoding.b64encode(view), new TextDecoder().decode(view).length);
  }
}
"""


def test_a_view_shows_its_own_bytes_whatever_its_properties_say(tmp_path):
    ran = run(tmp_path, ONE % "" + TELL + VIEWS.replace(", new DataView(new ArrayBuffer(8).transfer())", ""), "-q")
    assert ran.code == 0, (ran.code, ran.err[-3000:])
    assert ran.messages() == ["AAAAAAAAAAA= 8"] * 4, ran.err[-2000:]


SELECTION = """
import { parseHTML } from 'k6/html';
import ws from 'k6/ws';
import http from 'k6/http';
export default function () {
  const thrower = { toString() { throw new Error('from a getter'); } };
  tell(() => parseHTML(thrower)); tell(() => http.post('http://127.0.0.1:1/', 'x', { headers: { a: thrower } })); tell(() => http.get('http://127.0.0.1:1/', { compression: thrower }));
  tell(() => ws.connect('ws://127.0.0.1:1/', { headers: { a: thrower } }, () => {})); tell(() => clearTimeout({ valueOf() { throw new Error('from a getter'); } }));
  console.log('survived');
}
"""


def test_what_a_value_throws_while_a_native_reads_it_reaches_the_script(tmp_path):
    ran = run(tmp_path, ONE % "" + TELL + SELECTION, "-q")
    assert ran.code == 0, (ran.code, ran.err[-3000:])
    assert ran.messages() == ["Error: from a getter"] * 5 + ["survived"], ran.messages()


FULL = {
    "normalize": "for (;;) { try { '\\ufdfa'.repeat(2 ** 20).normalize('NFKD'); } catch (e) { for (const k in e); throw e; } }",
    "parse": "const text = JSON.stringify(Array(40000).fill({ a: [1, 'two'], b: { c: null } })); const kept = []; for (;;) { try { kept.push(JSON.parse(text, (k, v) => v)); } catch (e) { for (const k in e); throw e; } }",
    "deferred": "const kept = []; for (;;) { try { kept.push(Object.entries(http.get('URL/list').json().items[0]), http.get('URL/list').json().items.map((x) => ({ ...x }))); } catch (e) { for (const k in e); kept.length = 0; throw e; } }",
    "selected": "const kept = []; for (;;) { try { kept.push(http.get('URL/list').json('items.#.inner')); } catch (e) { for (const k in e); kept.length = 0; throw e; } }",
}


@pytest.mark.parametrize("how", FULL)
def test_a_full_heap_is_an_error_wherever_it_is_noticed(tmp_path, how):
    items = [{"id": i, "name": "n" * 20, "tags": ["a", "b", [1.5, None]], "inner": {"done": True, "at": {"x": i, "y": [{}, []]}}} for i in range(200)]
    body = f"import http from 'k6/http';\nexport const options = {{ maxHeapBytes: 16 << 20, vus: 1, iterations: 4 }};\nexport default function () {{\n  {FULL[how]}\n}}\n"
    with JsonServer({"/list": json.dumps({"items": items}).encode()}) as server:
        ran = run(tmp_path, body.replace("URL", server.url))
    assert ran.code == 0, (ran.code, ran.err[-3000:])
    assert "4 complete and 0 interrupted iterations" in ran.out, ran.err[-2000:]
    assert ran.err.count("limited to 16 MB (option maxHeapBytes)") == 4, ran.err[-3000:]


SETUP = """
let hog = [];
if (__VU > 0) try { for (;;) hog.push('x'.repeat(1000) + hog.length); } catch (e) { hog.length -= 100; }
export const options = { maxHeapBytes: 16 << 20, vus: 1, iterations: 2 };
export function setup() { return Array(20000).fill({ a: [1] }); }
export default function (data) { console.log(data.length); }
"""


def test_setup_data_that_a_user_has_no_room_for_fail_its_iterations(tmp_path):
    ran = run(tmp_path, SETUP)
    assert ran.code == 0, (ran.code, ran.err[-2000:])
    assert "2 complete and 0 interrupted iterations" in ran.out
    assert ran.err.count("limited to 16 MB (option maxHeapBytes)") == 2 and not ran.messages(), ran.err[-2000:]
