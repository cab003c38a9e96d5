"""What a script or a server under test does to the engine on purpose: it must not crash, hang, starve or eat the machine."""
import gzip
import io
import os
import re
import signal
import socket
import struct
import subprocess
import tarfile
import threading
import time
import zlib

import pytest

import peak_memory
from test_stack import ROOT

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"
PATIENCE_S = 120  # of a loaded machine; what hangs does so for hours


class Ran:
    def __init__(self, code, out, err, peak_bytes):
        self.code, self.out, self.err, self.peak_bytes = code, out, err, peak_bytes

    def messages(self):
        return re.findall(r'level=info msg="?([^"\n]*?)"? source=console', self.err)


def run(tmp_path, script, *flags):
    """The script's run with its greatest resident memory; None: that of the script.js which is there."""
    if script is not None:
        (tmp_path / "script.js").write_text(script)
    with open(tmp_path / "out", "w+", errors="replace") as out, open(tmp_path / "err", "w+", errors="replace") as err:
        code, peak_bytes = peak_memory.run([GAUNTLET, "run", "--no-color", *flags, "script.js"], PATIENCE_S, cwd=tmp_path,
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        out.seek(0), err.seek(0)
        return Ran(code, out.read(), err.read(), peak_bytes)


# Scripts

STUBBORN = """
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { parseHTML } from 'k6/html';
import { Counter } from 'k6/metrics';

const text = 'x'.repeat(1 << 20), json = JSON.stringify(Array(20000).fill({ a: [1, 'two', null] }));
const page = '<ul>' + '<li class="a">one</li>'.repeat(20000) + '</ul>', bytes = new Uint8Array(4 << 20).buffer;
const sparse = []; sparse.length = 4e9;
const noted = new Counter('noted');
const loops = {
  nothing() { for (;;) {} },
  catching() { for (;;) { try { for (;;) {} } catch (e) {} finally { continue; } } },
  encoding() { for (;;) encoding.b64encode(text); },
  hashing() { for (;;) crypto.sha256(bytes, 'hex'); },
  parsing() { for (;;) JSON.parse(json); },
  html() { for (;;) parseHTML(page).find('li.a').text(); },
  expression() { for (;;) /^(a+)+$/.test('a'.repeat(40) + 'b'); },
  claims() { for (;;) Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1); },
  holes() { for (;;) sparse.join(''); },
  written() { for (;;) JSON.stringify(sparse); },
  sorting() { for (;;) Array.from({ length: 200000 }, (_, i) => -i).sort(Math.max); },
  promises() { const again = () => Promise.resolve().then(again); return again(); },
  metrics() { for (;;) noted.add(1, { tag: text.slice(0, 10) }); },
  checks() { for (;;) check(1, { yes: () => group('g', () => true) }); },
  bodies() { for (;;) try { http.post('http://127.0.0.1:1/', { list: sparse }); } catch (e) {} },
};
export const options = { scenarios: { polite: { executor: 'constant-vus', vus: 1, duration: '3s', exec: 'polite' } } };
for (const name of Object.keys(loops)) {
  options.scenarios[name] = { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s', exec: 'loop', env: { LOOP: name } };
}
export function loop() { return loops[__ENV.LOOP](); }
export function polite() { sleep(0.1); }
"""


def test_endless_loops_of_any_kind_end_at_the_hard_stop(tmp_path):
    ran = run(tmp_path, STUBBORN)
    assert ran.code == 0, ran.err[-2000:]
    ending = re.findall(r"running \(.*?\), \d+/\d+ VUs, (\d+) complete and (\d+) interrupted iterations", ran.out)[-1]
    # On a machine that is busy with other things a user may begin nothing before its scenario is over.
    assert 5 <= int(ending[1]) <= len(re.findall(r"^  \w+\(\) \{", STUBBORN, re.M)), ran.err[-2000:]


SLOW_NATIVES = r"""
import grpc from 'k6/net/grpc';
import k6crypto from 'k6/crypto';
import { check } from 'k6';
import { parseHTML } from 'k6/html';

const nested = (leaf) => { let list = leaf; for (let i = 0; i < 60; ++i) list = [list, list]; return list; };
const page = (items) => parseHTML('<p>x</p>'.repeat(items)), within = (depth) => parseHTML('<div>'.repeat(depth) + '<p>x</p>'.repeat(2000));
const numbers = (count) => Array.from({ length: count }, (_, i) => i);
const loops = {
  alternatives() { new RegExp(Array(1e6).fill('a').join('|')); },
  ranges() { new RegExp('[' + numbers(400000).map((i) => `\\u{${((i * 7919) % 0x10ffff).toString(16)}}`).join('') + ']', 'u'); },
  flattening() { nested([]).flat(Infinity); },
  writing() { JSON.stringify(nested([])); },
  joining() { String(nested([])); },
  normalizing() { ('a' + '\u0301\u0316'.repeat(2e6)).normalize('NFC'); },
  filling() { Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1); },
  deleting() { Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 2 ** 52, 1); },
  bytes() { new Uint8Array(3e8).join(''); },
  sorting() { const list = new Float64Array(4e7).map((_, i) => -i); for (;;) list.slice().sort(); },
  texts() { const list = numbers(100).map((i) => 'a'.repeat(1e6) + i); for (;;) list.slice().sort(); },
  moving() { const list = new Float64Array(1e7), other = new Int8Array(1e7); for (;;) list.set(other); },
  hashing() { const data = new Uint8Array(1e8).buffer; for (;;) k6crypto.hmac('md5', 'key', data, 'hex'); },
  compiling() { const names = numbers(60000).map((i) => 'a' + i); new Function(`let ${names.join()}; return () => ${names.join('+')}`); },
  siblings() { const p = page(20000); for (;;) p.find('p:nth-last-child(3n+1) ~ p ~ p').size(); },
  stepping() { const p = page(20000).find('p'); for (;;) p.nextAll().size(); },
  holding() { const p = within(400); for (;;) p.find('div:has(div:has(div:has(q)))').size(); },
  above() { const p = within(400).find('p'); for (;;) { p.closest('q').size(); p.parents().size(); } },
  pattern() { const p = parseHTML('<p>' + 'a'.repeat(60) + '!</p>'); for (;;) p.find('p:matches(^(a+)+$)').size(); },
  parsing() { for (;;) parseHTML('<p>x</p>'.repeat(1e6)); },
  clients() { const kept = []; for (;;) kept.push(new grpc.Client()); },
  checks() { const all = Object.fromEntries(numbers(300000).map((i) => ['k' + i, true])); for (;;) check(1, all); },
  ...Object.fromEntries(['indexOf', 'lastIndexOf', 'includes', 'split', 'replace', 'replaceAll'].map((search) => [search, () => {
    const part = 'a'.repeat(5e6);
    ('b' + 'a'.repeat(1e7) + 'b')[search](search === 'lastIndexOf' ? 'c' + part : part + 'c');
    ('b' + 'a'.repeat(1e7) + 'b')[search](part.slice(1) + 'cb');
  }])),
  async deriving() {
    const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
    await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 4e9 }, key, 512);
  },
};
export const options = { scenarios: {} };
for (const name of Object.keys(loops)) {
  options.scenarios[name] = { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '2s', gracefulStop: '0s', exec: 'loop', env: { LOOP: name } };
}
export function loop() { return loops[__ENV.LOOP](); }
"""


def test_natives_that_work_for_long_end_at_the_hard_stop(tmp_path):
    began = time.monotonic()
    ran = run(tmp_path, SLOW_NATIVES)
    assert ran.code == 0, ran.err[-2000:]
    assert time.monotonic() - began < 60  # each alone took from ten seconds to an age
    ending = re.findall(r"running \(.*?\), \d+/\d+ VUs, (\d+) complete and (\d+) interrupted iterations", ran.out)[-1]
    assert int(ending[1]) >= 10, ran.err[-2000:]


@pytest.mark.parametrize("loop", ["for (;;) {}", "for (;;) encoding.b64encode('x'.repeat(100000));", "await new Promise(() => setInterval(() => {}, 1));"])
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_script_that_loads_for_ever_ends_with_the_first_signal(tmp_path, loop, signal_number):
    (tmp_path / "script.js").write_text(f"import encoding from 'k6/encoding';\nconsole.log('loading');\n{loop}\nexport default function () {{}}\n")
    child = subprocess.Popen([GAUNTLET, "run", "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert "loading" in child.stderr.readline()
    child.send_signal(signal_number)
    assert child.wait(PATIENCE_S) == 105
    child.stderr.close()


HUNGRY = """
const kept = [];
const meals = [
  () => { for (;;) kept.push({ a: 1 }); },
  () => { let text = 'x'; for (;;) kept.push(text += text); },
  () => { let list = null; for (;;) list = kept[0] = { list }; },
  () => { for (let i = 0; ; ++i) kept[i] = new Uint8Array(100000).fill(1); },
  () => { const map = kept[0] = new Map(); for (let i = 0; ; ++i) map.set(i, String(i)); },
  () => { for (;;) kept.push(JSON.parse('[[1,2,3],{"a":"b"}]')); },
  () => { const f = (n) => [n, f(n + 1)]; kept.push(f(0)); },
];
export const options = { maxHeapBytes: 32 << 20, scenarios: { a: { executor: 'shared-iterations', vus: 2, iterations: meals.length, maxDuration: '60s' } } };
import exec from 'k6/execution';
export default function () {
  kept.length = 0;
  try { meals[exec.scenario.iterationInTest](); } finally { kept.length = 0; }
}
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nobody else could start anything")
def test_a_user_that_computes_does_not_hold_up_the_starts_of_others(tmp_path):
    ran = run(tmp_path, """
        import exec from 'k6/execution';
        export const options = { scenarios: { rate: { executor: 'constant-arrival-rate', rate: 20, timeUnit: '1s', duration: '2s', preAllocatedVUs: 10 } } };
        export default function () {
          console.log(`begins ${exec.scenario.iterationInTest}`);
          if (exec.scenario.iterationInTest > 0) return;
          const end = Date.now() + 1800;
          while (Date.now() < end);
          console.log('has computed');
        }
    """)
    assert ran.code == 0
    meanwhile = ran.messages()[:ran.messages().index("has computed")]
    assert {f"begins {i}" for i in range(20)} <= set(meanwhile), meanwhile
    assert sorted(ran.messages()) == sorted(["has computed", *(f"begins {i}" for i in range(41))])  # each once


def test_a_script_that_keeps_everything_gets_an_error_that_names_its_line_and_the_option(tmp_path):
    ran = run(tmp_path, HUNGRY)
    assert ran.code == 0, ran.err[-2000:]
    full = [line for line in ran.err.splitlines() if "out of memory" in line]
    assert len(full) >= 5, ran.err[-3000:]
    for line in full:
        assert "limited to 32 MB (option maxHeapBytes)" in line and re.search(r"script\.js:\d+:\d+", line), line
    assert "7 complete and 0 interrupted iterations" in ran.out
    assert ran.peak_bytes < 400 << 20


def test_a_small_body_that_is_kept_does_not_hold_the_memory_of_a_large_one(tmp_path):
    """Parsing takes some ten times the text for as long as a script looks at its values."""
    ran = run(tmp_path, """
        const small = JSON.stringify(Array(60).fill({ a: ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'] })), kept = [];
        export default function () {
          for (let i = 0; i < 30; ++i) {
            JSON.parse('[' + '1,'.repeat(1950000) + '1]');
            kept.push(JSON.parse(small));
          }
        }
    """)
    assert ran.code == 0, ran.err
    assert ran.peak_bytes < 400e6  # some 100; 30 large ones are 1,000


def test_a_heap_limit_that_no_script_fits_into_is_refused(tmp_path):
    ran = run(tmp_path, "export const options = { maxHeapBytes: 1000 };\nexport default function () {}")
    assert ran.code == 104 and "maxHeapBytes is 1000" in ran.err


ODD = """
import http from 'k6/http';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import { check, group, sleep, fail } from 'k6';
import { Trend, Counter } from 'k6/metrics';
import { parseHTML } from 'k6/html';
import { SharedArray } from 'k6/data';
const trend = new Trend('odd_trend'), counter = new Counter('odd_counter');
const URL_OF_NOBODY = 'http://127.0.0.1:1/';
const million = Array(1e6).fill(1), claims = { length: 4e9 }, sparse = []; sparse.length = 4e9;
const thrower = new Proxy({}, { get() { throw new Error('no'); }, ownKeys() { throw new Error('no'); }, has() { throw new Error('no'); } });
const getters = { get a() { throw new Error('no'); }, toString() { throw new Error('no'); }, [Symbol.toPrimitive]() { throw new Error('no'); } };
const circular = {}; circular.self = circular;
const deep = JSON.parse('['.repeat(400) + ']'.repeat(400));
const view = new Uint8Array(16), detached = view.buffer; detached.transfer();
const odd = [undefined, null, NaN, -1, 1e308, 2 ** 53, '', '\\u0000', '\\ud800', Symbol('s'), 10n ** 400n, () => {}, class {}, thrower, getters, circular,
  deep, million, claims, sparse, detached, view, new DataView(new ArrayBuffer(8)), new Date(NaN), /x/g, new Map([[1, 2]]),
  Promise.resolve(1), Object.create(null), new (class extends Array {})(), globalThis, Reflect, Object.freeze([1])];
const natives = {
  request: (v) => http.request(v, v, v, v), get: (v) => http.get(v), params: (v) => http.get(URL_OF_NOBODY, v), headers: (v) => http.get(URL_OF_NOBODY, { headers: v, tags: v, cookies: v, timeout: v, auth: v }),
  headers_alone: (v) => http.get(URL_OF_NOBODY, { headers: v }),
  header: (v) => http.get(URL_OF_NOBODY, { headers: { a: v }, tags: { a: v } }), body: (v) => http.post(URL_OF_NOBODY, v), field: (v) => http.post(URL_OF_NOBODY, { a: v }), file: (v) => http.file(v, v, v),
  batch: (v) => http.batch(v), batch_of: (v) => http.batch([v]), async: (v) => { http.asyncRequest('GET', v, v, v).catch(() => {}); }, callback: (v) => http.expectedStatuses(v), set: (v) => http.setResponseCallback(v),
  jar: (v) => http.cookieJar().set(URL_OF_NOBODY, v, v, v), url: (v) => http.url`http://a/${v}`,
  hash: (v) => crypto.sha256(v, 'hex'), hmac: (v) => crypto.hmac(v, v, v, v), random: (v) => v === 1e308 || v === 2 ** 53 || crypto.randomBytes(v),
  b64: (v) => encoding.b64encode(v, v), unb64: (v) => encoding.b64decode(v, v, v),
  check: (v) => check(v, v, v), checks: (v) => check(1, { a: v }), group: (v) => group(v, v), sleep: (v) => typeof v === 'number' && v > 1 || sleep(v), fail: (v) => fail(v),
  add: (v) => trend.add(v, v), count: (v) => counter.add(1, { a: v }), tag: (v) => { exec.vu.metrics.tags.a = v; }, meta: (v) => { exec.vu.metrics.metadata = v; },
  html: (v) => parseHTML(v), find: (v) => parseHTML('<a>').find(v), attr: (v) => parseHTML('<a>').attr(v, v), log: (v) => console.debug(v), warn: (v) => console.debug({ v }),
  url_of: (v) => new URL(v, v), search: (v) => new URLSearchParams(v), decode: (v) => new TextDecoder().decode(v), encode: (v) => new TextEncoder().encode(v),
  timer: (v) => { clearTimeout(setTimeout(v, v)); }, shared: (v) => new SharedArray(v, v), digest: (v) => { crypto_subtle(v); }, values: (v) => globalThis.crypto.getRandomValues(v),
  spread: () => Math.max(...million), apply: () => console.debug.apply(console, claims), thousands: () => http.get(...million), args: () => String.fromCharCode(...million),
};
function crypto_subtle(v) { globalThis.crypto.subtle.digest(v, v).catch(() => {}); globalThis.crypto.subtle.importKey(v, v, v, v, v).catch(() => {}); }
export const options = { iterations: 1, maxHeapBytes: 512 << 20 };
export default function () {
  let refused = 0, taken = 0;
  for (const name of Object.keys(natives)) for (const value of odd) {
    if (value === sparse && name !== 'body' && name !== 'field' || value === million && !['params', 'body', 'field', 'hash', 'html', 'headers_alone'].includes(name)) { ++taken; continue; }  // seconds each
    try { natives[name](value); ++taken; } catch (e) { ++refused; }
  }
  console.log('survived', taken + refused === Object.keys(natives).length * odd.length, refused > 100, taken > 100);
  exec.vu.metrics.tags = {};
}
export function teardown() { Promise.reject(getters); Promise.reject(thrower); new Promise((_, no) => no(Symbol('s'))); }
"""


def test_natives_take_or_refuse_whatever_a_script_gives_them(tmp_path):
    ran = run(tmp_path, ODD, "-q")
    assert ran.code in (0, 107), (ran.code, ran.err[-3000:])  # 107: teardown's rejections
    assert "survived true true true" in ran.messages(), ran.err[-3000:]
    assert ran.peak_bytes < 2 << 30


DEEP_ITERATORS = """
const helpers = { map: (x) => x, filter: () => true, take: 1, drop: 0, flatMap: (x) => [x] };
export default function () {
  const ends = Object.entries(helpers).map(([helper, given]) => {
    let iterator = [1].values();
    for (let i = 0; i < 2e5; ++i) iterator = iterator[helper](given);
    try { return String(iterator.next().value); } catch (e) { return e.name; }
  });
  console.log(ends.join());
}
"""


def test_a_chain_of_iterators_is_as_long_as_the_stack_is_deep(tmp_path):
    ran = run(tmp_path, DEEP_ITERATORS, "-q")
    assert ran.code == 0 and ran.messages() == [",".join(5 * ["RangeError"])], ran.err[-2000:]


RESIZED = """
import fs from 'k6/experimental/fs';
import encoding from 'k6/encoding';
import k6crypto from 'k6/crypto';
const file = await fs.open('script.js');
function view(before, now) {
  const buffer = new ArrayBuffer(before, { maxByteLength: 1 << 24 }), bytes = new Uint8Array(buffer);
  buffer.resize(now);
  return bytes.fill(65);
}
export default async function () {
  console.log(encoding.b64encode(view(4, 8)), encoding.b64encode(view(64, 3)), encoding.b64encode(view(1 << 22, 0)) === '');
  console.log(k6crypto.sha256(view(1 << 22, 1), 'hex').slice(0, 8), new TextDecoder().decode(view(1 << 22, 2)));
  const small = view(1 << 22, 16);
  crypto.getRandomValues(small);
  console.log(await file.read(small), await file.read(view(1 << 22, 0)));
  small.buffer.resize(1 << 22);
  console.log(small.subarray(16).every((byte) => byte === 0));
  const fixed = new Uint8Array(new ArrayBuffer(64, { maxByteLength: 64 }), 0, 8);
  fixed.buffer.resize(4);
  console.log(encoding.b64encode(fixed) === '');
}
"""


def test_a_view_of_a_buffer_that_was_resized_has_the_bytes_of_its_length_now(tmp_path):
    ran = run(tmp_path, RESIZED, "-q")
    assert ran.code == 0, ran.err[-2000:]
    assert ran.messages() == ["QUFBQUFBQUE= QUFB true", "559aead0 AA", "16 null", "true", "true"]


MANY_TAGS = """
import { Counter } from 'k6/metrics';
import http from 'k6/http';
const count = new Counter('tagged'), million = Array(1e6).fill(1);
export const options = { iterations: 1, maxHeapBytes: 512 << 20 };
export default function () { count.add(1, million); http.get('http://127.0.0.1:1/', { tags: million }); console.log('survived'); }
"""


def test_a_million_tags_cost_what_their_number_costs(tmp_path):
    began = time.monotonic()
    ran = run(tmp_path, MANY_TAGS, "-q")
    assert ran.code == 0 and "survived" in ran.messages(), ran.err[-3000:]
    assert time.monotonic() - began < 40 and ran.peak_bytes < 2 << 30


# Servers

class HostileServer:
    """A TCP server of 127.0.0.1 that answers each connection by a function of what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.closing = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.settimeout(30)
        with peer:
            try:
                self.answer(self, peer)
            except OSError:
                pass  # the engine went away, as it should

    def drip(self, peer, piece, every_s=0.0):
        """Until the other side has had enough."""
        while not self.closing.wait(every_s) if every_s else not self.closing.is_set():
            peer.sendall(piece)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.listener.close()


OK = b"HTTP/1.1 200 OK\r\n"
BOMB = zlib.compressobj(9, zlib.DEFLATED, 31)
BOMB = b"".join([*(BOMB.compress(bytes(1 << 20)) for _ in range(1024)), BOMB.flush()])  # 1 GB of zeros
MANY = b"".join(b"x-%d: y\r\n" % i for i in range(1_000_000))


KEEPER = """
import http from 'k6/http';
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import { parseHTML } from 'k6/html';
import { Blob } from 'k6/websockets';
const url = 'http://SERVER/', megabyte = 'x'.repeat(1 << 20), coded = encoding.b64encode(megabyte), page = '<p>x'.repeat(10000);
const meals = [
  () => http.get(url),
  () => http.get(url, { responseType: 'binary' }).body,
  () => http.get(url).body.length,
  () => http.batch([url, url]),
  () => http.asyncRequest('GET', url),
  () => encoding.b64decode(coded),
  () => new Blob([megabyte]),
  () => new Blob([megabyte]).slice(1),
  () => parseHTML(page),
  () => http.get(url).html(),
];
export const options = { maxHeapBytes: 32 << 20, scenarios: {
  nothing_kept: { executor: 'per-vu-iterations', iterations: 1, maxDuration: '60s', exec: 'pass' },
  all_kept: { executor: 'shared-iterations', vus: 1, iterations: meals.length, maxDuration: '60s', exec: 'keep' } } };
export async function pass() {
  for (const meal of meals) for (let i = 0; i < 40; ++i) await meal();
  console.log('nothing kept, nothing lost');
}
const kept = [];
export async function keep() {
  const meal = meals[exec.scenario.iterationInTest];
  try {
    for (let i = 0; i < 60; ++i) kept.push(await meal());
    console.log('meal', meals.indexOf(meal), 'fits');
  } finally {
    kept.length = 0;
  }
}
"""


def test_what_natives_hold_for_a_script_counts_towards_its_heap(tmp_path):
    body = b"<p>" + b"x" * (1 << 20)
    def answer(server, peer):
        while peer.recv(65536):
            peer.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with HostileServer(answer) as server:
        ran = run(tmp_path, KEEPER.replace("SERVER", server.address))
    assert ran.code == 0, ran.err[-3000:]
    assert "nothing kept, nothing lost" in ran.messages(), ran.err[-3000:]
    fits = [line for line in ran.messages() if "fits" in line]
    assert fits == ["meal 2 fits"]  # a number is all that this one keeps
    full = [line for line in ran.err.splitlines() if "out of memory" in line]
    assert len(full) == 9, ran.err[-5000:]
    for line in full:
        assert "limited to 32 MB (option maxHeapBytes)" in line and re.search(r"script\.js:\d+:\d+", line), line
    assert ran.peak_bytes < 300 << 20


MANY_SMALL = """
import http from 'k6/http';
import k6crypto from 'k6/crypto';
import grpc from 'k6/net/grpc';
import exec from 'k6/execution';
import { parseHTML } from 'k6/html';
const kept = [], body = 'x'.repeat(1e6), nobody = 'http://127.0.0.1:1/';
const meals = [
  () => { for (;;) kept.push(k6crypto.createHash('sha512')); },
  () => { for (;;) kept.push(k6crypto.createHMAC('sha512', 'key')); },
  () => { for (;;) kept.push(new grpc.Client()); },
  () => { for (;;) setTimeout(Math.abs, 1e6); },
  () => { const p = parseHTML('<p>x</p>'.repeat(5000)); for (;;) kept.push(p.find('p')); },
  () => { let p = parseHTML('<p>x</p>').find('p'); for (;;) p = p.filter('p'); },
  () => parseHTML('<p a=1 b=2>'.repeat(5e5)),
  () => http.batch(Array(1000).fill(['POST', nobody, body])),
  () => Promise.all(Array(1e5).fill(0).map(() => http.asyncRequest('POST', nobody, body))),
];
export const options = { maxHeapBytes: 32 << 20, scenarios: { a: { executor: 'shared-iterations', vus: 1, iterations: meals.length, maxDuration: '60s' } } };
export default async function () {
  try { await meals[exec.scenario.iterationInTest](); } finally { kept.length = 0; }
}
"""


def test_small_objects_of_natives_cost_their_script_and_not_the_machine(tmp_path):
    ran = run(tmp_path, MANY_SMALL)
    assert ran.code == 0, ran.err[-3000:]
    full = [line for line in ran.err.splitlines() if "limited to 32 MB (option maxHeapBytes)" in line and "stacktrace" in line or "Uncaught" in line]
    assert len(full) >= 9, "\n".join(line[:200] for line in full)
    assert ran.peak_bytes < 400 << 20


HTTP1 = [
    b"\x00" * 100_000, b"\r\n" * 1000, b"HTTP/1.1", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 99999999999 OK\r\n\r\n", b"HTTP/1.1 -1 OK\r\n\r\n",
    OK + b"Content-Length: -1\r\n\r\n", OK + b"Content-Length: 18446744073709551615\r\n\r\nabc", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    OK + b"Content-Length: 1e3\r\n\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc", OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"e" * 5_000_000, OK + b": nameless\r\n\r\n", OK + b" folded\r\n\r\n", OK + b"a" * 50_000_000, OK + MANY + b"\r\n",
    OK + b"Set-Cookie: " + b"a=b; " * 200_000 + b"\r\n\r\n", OK + b"Location: " + b"/" * 1_000_000 + b"\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest " + b"a=\"" * 10_000 + b"\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n", OK + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!", OK + b"Content-Encoding: " + b"gzip, " * 1000 + b"br\r\nContent-Length: 3\r\n\r\nabc",
    OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(BOMB)) + gzip.compress(BOMB), b"",
]
ENDLESS1 = [(b"H", 0.2), (OK, 0.2), (OK + b"Content-Length: 1000000\r\n\r\n", 0.2), (b"HTTP/1.1 100 Continue\r\n\r\n", 0), (b"x: y\r\n", 0)]


def answer_http1(server, peer):
    request = peer.recv(65536).split()[1].decode()
    kind, index = request.strip("/").split("/")
    if kind == "bytes":
        peer.sendall(HTTP1[int(index)])
        return
    piece, every_s = ENDLESS1[int(index)]
    if piece == b"x: y\r\n":
        peer.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + bytes(65536) + b"\r\n"
    server.drip(peer, piece, every_s)


HTTP1_SCRIPT = """
import http from 'k6/http';
export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 10, iterations: %d, maxDuration: '90s' } }, maxResponseBytes: 20 << 20 };
import exec from 'k6/execution';
export default function () {
  const i = exec.scenario.iterationInTest, bytes = %d;
  const r = http.get(`http://${__ENV.SERVER}/` + (i < bytes ? `bytes/${i}` : `endless/${i - bytes}`), { timeout: '3s', auth: 'digest' });
  r.headers; r.cookies; r.json('a'); r.html();
}
"""
HTTP1_SCRIPT = HTTP1_SCRIPT.replace(" r.json('a'); r.html();", " try { r.json('a'); r.html('a'); } catch (e) {}")


def test_hostile_http1_servers_cost_a_request_each_and_no_more(tmp_path):
    count = len(HTTP1) + len(ENDLESS1)
    with HostileServer(answer_http1) as server:
        ran = run(tmp_path, HTTP1_SCRIPT % (count, len(HTTP1)), "-e", f"SERVER={server.address}")
    assert ran.code == 0, ran.err[-3000:]
    assert f"{count} complete and 0 interrupted iterations" in ran.out, ran.err[-3000:]
    assert ran.peak_bytes < 1 << 30


def frame(kind, flags, stream, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
STATUS_200 = b"\x88"
GRPC_HEADERS = STATUS_200 + b"\x5f\x10application/grpc"
HTTP2 = [
    b"garbage" * 1000, b"HTTP/1.1 400 Bad Request\r\n\r\n", frame(SETTINGS, 0, 0, b"\x00" * 5), frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0xffffffff)), frame(SETTINGS, 0, 0) * 100_000,
    frame(SETTINGS, 0, 0) + frame(PING, 0, 0, b"12345678") * 100_000, frame(SETTINGS, 0, 0) + frame(GOAWAY, 0, 0, b"\x00" * 8), frame(SETTINGS, 0, 0) + frame(RST, 0, 1, b"\x00\x00\x00\x07"),
    frame(SETTINGS, 0, 0) + frame(DATA, 0, 1, b"x" * 100), frame(SETTINGS, 0, 0) + frame(DATA, 0, 99, b"x"), frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, b"\xff" * 500),
    frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, STATUS_200) + frame(CONTINUATION, 0, 1, b"\x40\x01a\x01b" * 2000) * 2000, frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 2, STATUS_200),
    frame(SETTINGS, 0, 0) + frame(PUSH, 4, 1, b"\x00\x00\x00\x02" + STATUS_200), frame(SETTINGS, 0, 0) + frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 3, frame(SETTINGS, 0, 0) + frame(WINDOW, 0, 1, b"\x00" * 4),
    frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, STATUS_200) * 3, frame(SETTINGS, 0, 0, length=0xffffff), frame(SETTINGS, 0, 0) + frame(250, 255, 1, b"?" * 1000) * 1000,
    # For gRPC calls: a message that never comes, one of 4 GB, a compressed one, no trailers, trailers that lie.
    frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, GRPC_HEADERS) + frame(DATA, 0, 1, b"\x00\xff\xff\xff\xff" + b"x" * 1000),
    frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, GRPC_HEADERS) + frame(DATA, 1, 1, b"\x01\x00\x00\x00\x03abc"), frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, GRPC_HEADERS) + frame(DATA, 1, 1, b"\x00\x00\x00\x00\x02\xff\xff"),
    frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, GRPC_HEADERS) + frame(DATA, 1, 1, b"\x00\x00"), frame(SETTINGS, 0, 0) + frame(HEADERS, 5, 1, GRPC_HEADERS + b"\x40\x0bgrpc-status\x0a9999999999"),
    frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, GRPC_HEADERS) + frame(DATA, 0, 1, b"\x00\x00\x00\x00\x00" * 3000) * 300,
]


class HostileHttp2:
    """Gives each connection the next of the answers, in turn."""

    def __init__(self):
        self.next = -1
        self.lock = threading.Lock()

    def __call__(self, server, peer):
        peer.recv(65536)
        with self.lock:
            self.next = (self.next + 1) % (len(HTTP2) + 1)
            index = self.next
        if index == len(HTTP2):
            peer.sendall(frame(SETTINGS, 0, 0))
            server.drip(peer, frame(PING, 0, 0, b"12345678"))
            return
        peer.sendall(HTTP2[index])
        while not server.closing.is_set() and peer.recv(65536):  # and says no more
            pass


HTTP2_SCRIPT = """
import http from 'k6/http';
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load([__ENV.FOLDER], 'echo.proto');
export const options = { scenarios: {
  http: { executor: 'shared-iterations', vus: 6, iterations: %d, maxDuration: '90s', exec: 'get' },
  grpc: { executor: 'shared-iterations', vus: 6, iterations: %d, maxDuration: '90s', exec: 'call' },
}, httpVersion: '2', noConnectionReuse: true };
export function get() { http.get(`http://${__ENV.SERVER}/`, { timeout: '2s' }); }
export function call() {
  try {
    client.connect(__ENV.SERVER, { plaintext: true, timeout: '2s' });
    client.invoke('hostile.Echo/Say', { text: 'a' }, { timeout: '2s' });
  } catch (e) {
  } finally {
    client.close();
  }
}
"""


def test_hostile_http2_and_grpc_servers_cost_a_request_each_and_no_more(tmp_path):
    (tmp_path / "echo.proto").write_text('syntax = "proto3";\npackage hostile;\nmessage Text { string text = 1; }\nservice Echo { rpc Say(Text) returns (Text); }\n')
    count = len(HTTP2) + 1
    with HostileServer(HostileHttp2()) as server:
        ran = run(tmp_path, HTTP2_SCRIPT % (count, count), "-e", f"SERVER={server.address}", "-e", f"FOLDER={tmp_path}")
    assert ran.code == 0, ran.err[-3000:]
    assert f"{2 * count} complete and 0 interrupted iterations" in ran.out, (ran.out[-600:], ran.err[-3000:])
    assert ran.peak_bytes < 1 << 30


def test_a_batch_of_many_requests_to_one_host_takes_time_in_proportion(tmp_path):
    """20,000 requests that nobody answers: looking through all of them for each would take 200 million looks."""
    ran = run(tmp_path, """
import http from 'k6/http';
export const options = { iterations: 1 };
export default function () { console.log(http.batch(Array(20000).fill('http://127.0.0.1:1/')).filter((r) => r.error_code === 1212).length); }
""", "-q", "--log-output", "stderr")
    assert ran.code == 0 and "20000" in ran.messages(), ran.err[-500:]


# Plans

PLANS = {
    "vus": "{ vus: 1e9, duration: '1s' }",
    "iterations": "{ vus: 1e9, iterations: 1e18 }",
    "stages": "{ stages: [{ duration: '1s', target: 1e9 }] }",
    "per_vu": "{ scenarios: { s: { executor: 'per-vu-iterations', vus: 1e15, iterations: 1e15 } } }",
    "start_vus": "{ scenarios: { s: { executor: 'ramping-vus', startVUs: 1e12, stages: [{ duration: '1s', target: 1 }] } } }",
    "pre_allocated": "{ scenarios: { s: { executor: 'constant-arrival-rate', rate: 1, duration: '1s', preAllocatedVUs: 1e9 } } }",
    "max_vus": "{ scenarios: { s: { executor: 'ramping-arrival-rate', stages: [{ duration: '1s', target: 1 }], preAllocatedVUs: 1, maxVUs: 1e18 } } }",
    "segment": "{ executionSegment: '0:1/10', vus: 1e12, duration: '1s' }",
}


def of_all_together(plan):
    """Each scenario alone would fit."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return "{ scenarios: { " + ", ".join(f"{name}: {{ executor: 'constant-vus', vus: {memory // 200_000}, duration: '1s' }}" for name in plan) + " } }"


@pytest.mark.parametrize("options", [*PLANS.values(), of_all_together("abc")], ids=[*PLANS, "together"])
def test_a_plan_that_has_no_room_in_memory_is_refused_with_what_it_needs_and_what_there_is(tmp_path, options):
    ran = run(tmp_path, f"export const options = {options};\nexport default function () {{}}")
    assert ran.code == 104, ran.err
    assert re.search(r"virtual users need at least \d+ GB of memory, and there is \d+\.\d GB, enough for \d+ at most", ran.err), ran.err
    assert ran.peak_bytes < 400 << 20


def test_virtual_users_of_flags_are_checked_as_those_of_the_script(tmp_path):
    ran = run(tmp_path, "export default function () {}", "--vus", "1000000000", "--duration", "1s")
    assert ran.code == 104 and "lower vus" in ran.err and ran.peak_bytes < 400 << 20


@pytest.mark.parametrize("options, told", [
    ("{ stages: Array(2000).fill(0).map((_, i) => ({ duration: '1s', target: i % 2 * 1000 })) }", "the stages add and take away 1999001 virtual users"),
    ("{ stages: Array(1e6).fill({ duration: '1s', target: 1 }) }", "the options that the script exports have"),
    ("{ scenarios: { s: { executor: 'constant-vus', duration: '1000000h' } } }", "together are longer than 876000h"),
    ("{ stages: [{ duration: '800000h', target: 1 }, { duration: '800000h', target: 1 }] }", "together are longer than 876000h"),
    ("{ duration: 1e300 }", "the option duration is 1e+300 and should be a duration"),
])
def test_a_plan_without_end_is_refused(tmp_path, options, told):
    ran = run(tmp_path, f"export const options = {options};\nexport default function () {{}}")
    assert ran.code != 0 and told in ran.err, ran.err
    assert ran.peak_bytes < 400 << 20


RATES = [
    "{ executor: 'constant-arrival-rate', rate: 1e18, timeUnit: '1s', duration: '1s', preAllocatedVUs: 1 }",
    "{ executor: 'ramping-arrival-rate', startRate: 1e18, timeUnit: '1s', stages: [{ duration: '1s', target: 1e18 }], preAllocatedVUs: 1 }",
]


@pytest.mark.parametrize("scenario", RATES)
@pytest.mark.parametrize("body", ["sleep(0.01);", ""])
def test_a_rate_that_nothing_can_keep_up_with_costs_what_is_started_and_counts_the_rest_as_dropped(tmp_path, scenario, body):
    ran = run(tmp_path, f"import {{ sleep }} from 'k6';\nexport const options = {{ scenarios: {{ s: {scenario} }} }};\nexport default function () {{ {body} }}")
    assert ran.code == 0, ran.err
    dropped = int(re.search(r"dropped_iterations\.*: (\d+)", ran.out).group(1))
    begun = int(re.search(r"\biterations\.*: (\d+)", ran.out).group(1))
    assert abs(dropped + begun - 1e9) <= 10  # one a nanosecond is the most


class Running:
    """A run to send signals to. What it logs is read to the end by result(), or never."""

    def __init__(self, tmp_path, script, *flags):
        (tmp_path / "script.js").write_text(script)
        self.child = subprocess.Popen([GAUNTLET, "run", "--no-color", *flags, "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def wait_for(self, word):
        for line in self.child.stderr:
            if word in line:
                return
        raise AssertionError(f"it ended without {word}")

    def signal(self):
        self.child.send_signal(signal.SIGINT)

    def result(self, read=True):
        guard = threading.Timer(PATIENCE_S, self.child.kill)
        guard.start()
        err = self.child.stderr.read() if read else ""
        code = self.child.wait()
        guard.cancel()
        self.child.stderr.close()
        return code, err


@pytest.mark.parametrize("scenario", RATES)
def test_a_rate_that_nothing_can_keep_up_with_does_not_hold_up_a_signal(tmp_path, scenario):
    running = Running(tmp_path, f"export const options = {{ scenarios: {{ s: {scenario.replace(chr(39) + '1s' + chr(39) + ', pre', chr(39) + '10h' + chr(39) + ', pre')} }} }};\n"
                      "let told = false;\nexport default function () { if (!told) console.log('begun'); told = true; }")
    running.wait_for("begun")
    running.signal()
    assert running.result()[0] == 105


# Signals

WAITING = "setInterval(() => {}, 1000);"
STAGES = {
    "setup": f"export function setup() {{ console.log('begun'); {WAITING} }}\nexport default function () {{}}",
    "teardown": f"export default function () {{}}\nexport function teardown() {{ console.log('begun'); {WAITING} }}",
    "handleSummary": f"export default function () {{}}\nexport function handleSummary() {{ console.log('begun'); {WAITING} return {{}}; }}",
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_timer_in_a_stage_does_not_hold_up_a_signal(tmp_path, stage):
    running = Running(tmp_path, STAGES[stage])
    running.wait_for("begun")
    began = time.monotonic()
    running.signal()
    code, err = running.result()
    assert code == 105, err
    assert time.monotonic() - began < 40  # its own limit is one minute or two


def test_a_second_signal_ends_a_run_whose_threads_hang_and_leaves_whole_lines_in_its_outputs(tmp_path):
    """Nobody reads what the script logs, so that all threads stop in a write in the end."""
    running = Running(tmp_path, """
        import { Counter } from 'k6/metrics';
        const noted = new Counter('noted');
        export const options = { vus: 2, duration: '10m' };
        export default function () {
          for (let i = 0; i < 1000; ++i) noted.add(1, { text: 'x'.repeat(1 + i % 300) });
          console.log('x'.repeat(2000));
        }
    """, "--out", "points=points.json", "--out", "csv=points.csv.gz", "--threads", "2")
    running.wait_for("xxx")
    points = tmp_path / "points.json"
    deadline = time.monotonic() + PATIENCE_S
    while points.stat().st_size < 1 << 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.signal()
    time.sleep(0.2)
    running.signal()
    assert running.result(read=False)[0] == 105
    lines = points.read_text().splitlines(keepends=True)
    assert len(lines) > 1000 and all(line.endswith("}\n") for line in lines)
    rows = gzip.decompress((tmp_path / "points.csv.gz").read_bytes()).decode()  # fails where its end is missing
    assert rows.endswith("\n") and rows.count("\n") > 1000


# Files

NO_FILES = {
    "open": "open('{}');",
    "binary": "open('{}', 'b');",
    "import": "import './{}';",
    "require": "require('./{}');",
    "fs": "import fs from 'k6/experimental/fs'; await fs.open('{}');",
    "proto": "import grpc from 'k6/net/grpc'; new grpc.Client().load([], '{}');",
    "protoset": "import grpc from 'k6/net/grpc'; new grpc.Client().loadProtoset('{}');",
}


@pytest.mark.parametrize("how", NO_FILES)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_is_not_read_as_a_file(tmp_path, how, kind):
    if kind == "pipe":
        os.mkfifo(tmp_path / "no-file")
    else:
        (tmp_path / "no-file").symlink_to("/dev/zero")
    ran = run(tmp_path, NO_FILES[how].format("no-file") + "\nexport default function () {}")
    assert ran.code == 107 and "only regular files are read" in ran.err, ran.err
    assert ran.peak_bytes < 400 << 20


@pytest.mark.parametrize("flags", [["--config", "no-file"], ["--secret-source", "file=no-file"]])
def test_a_pipe_that_is_named_for_settings_is_refused(tmp_path, flags):
    os.mkfifo(tmp_path / "no-file")
    ran = run(tmp_path, "export default function () {}", *flags)
    assert ran.code != 0 and "only regular files are read" in ran.err, ran.err


def test_a_pipe_is_no_script(tmp_path):
    os.mkfifo(tmp_path / "script.js")
    child = subprocess.run([GAUNTLET, "run", "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)
    assert child.returncode == 255 and "only regular files are read" in child.stderr


def test_links_in_an_archive_count_as_what_they_unpack_to(tmp_path):
    with tarfile.open(tmp_path / "script.js", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in (("metadata.json", b'{"type": "js", "options": {}, "filename": "file:///a.js"}'), ("file/a.js", b"export default () => {}"),
                              ("file/large", (1 << 22) * b"x")):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for number in range(2000):
            entry = tarfile.TarInfo(f"file/{number}")
            entry.type, entry.linkname = tarfile.LNKTYPE, "file/large"
            tar.addfile(entry)
    ran = run(tmp_path, None)
    assert ran.code == 255 and "more than 1 GiB" in ran.err, ran.err
    assert ran.peak_bytes < 5 << 28


def test_a_variable_that_is_no_utf8_is_archived_and_a_path_that_is_none_is_refused(tmp_path):
    where = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(where)
    for folder in (os.fsencode(tmp_path), where):
        with open(folder + b"/script.js", "w") as script:
            script.write("export default function () { console.log(__ENV.X.length); }")
    archive = lambda folder: subprocess.run([GAUNTLET, "archive", "-e", b"X=a\xff", "script.js"], cwd=folder, capture_output=True, timeout=PATIENCE_S)
    assert archive(tmp_path).returncode == 0
    ran = subprocess.run([GAUNTLET, "run", "-q", "archive.tar"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ran.returncode == 0 and "msg=2 " in ran.stderr, ran.stderr
    refused = archive(where)
    assert refused.returncode > 0 and b"is no UTF-8" in refused.stderr, (refused.returncode, refused.stderr)


@pytest.mark.parametrize("how", ["open", "binary", "import", "fs", "proto", "protoset"])
def test_a_file_that_is_larger_than_memory_allows_is_refused_before_it_is_read(tmp_path, how):
    with open(tmp_path / "no-file", "wb") as sparse:
        sparse.truncate(1 << 42)
    ran = run(tmp_path, NO_FILES[how].format("no-file") + "\nexport default function () {}")
    assert ran.code == 107 and re.search("too large", ran.err, re.I), ran.err
    assert ran.peak_bytes < 400 << 20
