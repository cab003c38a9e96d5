"""What people who run load tests stumbled over, each as the smallest script that shows it."""
import gzip
import http.server
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from interop_server import interop_server
from test_engine_safety import GAUNTLET, run

ONCE = "export const options = { vus: 1, iterations: 1, %s };\n"


class Server:
    """Answers everything with 200; keeps what it was sent."""

    def __init__(self, body=b"ok", **headers):
        received = self.received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                received.append((self.path, self.headers, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def once(tmp_path, body, *flags, options="", head=""):
    """One iteration of `body`."""
    return run(tmp_path, f"import http from 'k6/http';\n{head}\n{ONCE % options}export default function () {{\n{body}\n}}\n", "-q", *flags)


# Names

def test_host_names_have_no_case(tmp_path):
    with Server() as server:
        options = f"hosts: {{ 'UPPER.case.test': '{server.url[7:]}', '*.Wild.test': '{server.url[7:]}' }}, blockHostnames: ['Blocked.test', '*.none.TEST']"
        ran = once(tmp_path, """
            for (const host of ['upper.CASE.test', 'a.wILD.test', 'BLOCKED.test', 'A.None.test']) {
              const r = http.get(`http://${host}/`);
              console.log(r.status, r.error_code);
            }""", options=options)
    assert ran.messages() == ["200 0", "200 0", "0 1111", "0 1111"], ran.err


# Options

NETWORK = [
    ("blockHostnames: ['a*b.test']", [], "a*b.test"),
    ("hosts: { 'a.test': 'nope' }", [], "nope"),
    ("hosts: { 'a b.test': '127.0.0.1' }", [], "a b.test"),
    ("blacklistIPs: ['300.1.1.1']", [], "300.1.1.1"),
    ("tlsCipherSuites: ['NOPE']", [], "NOPE"),
    ("tlsAuth: [{ cert: 'x', key: 'y' }]", [], "tlsAuth[0].cert"),
    ("tlsAuth: [{ cert: CERT, key: KEY, password: 'wrong' }]", [], "tlsAuth[0].key"),
    ("tlsVersion: { min: 'tls9' }", [], "tls9"),
    ("httpVersion: '4'", [], "httpVersion"),
    ("", ["--blacklist-ip", "300.1.1.1"], "300.1.1.1"),
    ("", ["--block-hostnames", "a*b.test"], "a*b.test"),
    ("", ["--dns", "ttl=x"], 'dns.ttl is "x"'),
    ("", ["--local-ips", "x"], "localIPs"),
]


@pytest.mark.parametrize("options,flags,named", NETWORK)
def test_an_option_of_the_network_that_cannot_be_is_refused_before_anything_runs(tmp_path, options, flags, named):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:right", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=a"],
                   cwd=tmp_path, check=True, capture_output=True)
    head = "const CERT = open('cert.pem'), KEY = open('key.pem');"
    ran = once(tmp_path, "console.log('ran');", *flags, options=options, head=head)
    assert ran.code == 104 and "ran" not in ran.messages(), (ran.code, ran.err)
    option = (options or {"--blacklist-ip": "blacklistIPs", "--block-hostnames": "blockHostnames", "--dns": "dns", "--local-ips": "localIPs"}[flags[0]])
    assert option.split(":")[0] in ran.err and named in ran.err.replace('\\"', '"') and "should" in ran.err, ran.err


def test_a_variable_of_the_network_that_cannot_be_is_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("K6_DNS", "ttl=x")
    ran = once(tmp_path, "console.log('ran');")
    assert ran.code == 104 and "dns.ttl" in ran.err and not ran.messages(), (ran.code, ran.err)


# Requests

def test_a_batch_of_two_arguments_names_the_one_that_is_wanted(tmp_path):
    ran = once(tmp_path, "try { http.batch('http://127.0.0.1:9/', 'http://127.0.0.1:9/'); } catch (e) { console.log(e.message); }")
    assert ran.messages() == ["http.batch() takes one list or object of requests, as http.batch([a, b]), and got 2 arguments"]


def test_a_password_of_a_websockets_url_is_in_no_result(tmp_path):
    ran = once(tmp_path, "new WebSocket('ws://u:s3cr3t@127.0.0.1:9/').onerror = (event) => console.log(event.error);",
               "--out", "points=points.ndjson", "--out", "json=result.json", head="import { WebSocket } from 'k6/websockets';")
    written = (tmp_path / "points.ndjson").read_text() + (tmp_path / "result.json").read_text() + ran.err + ran.out
    assert "ws://****:****@127.0.0.1:9/" in written and "s3cr3t" not in written


@pytest.mark.parametrize("flags", [[], ["--throw"]])
def test_a_password_of_a_url_is_in_no_message(tmp_path, flags):
    ran = once(tmp_path, """
        http.get('http://u:s3cr3t@127.0.0.1:9/');
        http.get('http://u:s3cr3t@a b/');
        """, *flags)
    assert "http://u:***@" in ran.err and "s3cr3t" not in ran.err, ran.err


def test_x_gzip_is_gzip(tmp_path):
    with Server(gzip.compress(b"unpacked"), Content_Encoding="x-gzip") as server:
        ran = once(tmp_path, f"console.log(http.get('{server.url}/').body);")
    assert ran.messages() == ["unpacked"]


def test_text_with_nul_or_half_a_surrogate_pair_is_whole_and_is_utf8(tmp_path):
    with Server() as server:
        ran = once(tmp_path, f"""
            check(1, {{ 'a\\0one': () => true, 'a\\0two': () => true, 'half\\ud800': () => true }});
            http.post('{server.url}/', 'x\\ud800y');
            http.post('{server.url}/', {{ 'k\\0a': '1', 'k\\0b': '\\udc00' }});
            http.get(`{server.url}/`, {{ tags: {{ 't\\0a': 'v', 'w\\ud800': 'v\\0v' }} }});
            """, "--out", "json=points.ndjson", "--summary-export", "summary.json", head="import { check } from 'k6';")
        bodies = [body for _, _, body in server.received]
    assert ran.code == 0, ran.err
    assert bodies[:2] == ["x\ufffdy".encode(), b"k%00a=1&k%00b=%EF%BF%BD"]
    points = [json.loads(line) for line in (tmp_path / "points.ndjson").read_text(encoding="utf-8").splitlines()]
    checks = {point["data"]["tags"]["check"] for point in points if point["metric"] == "checks" and point["type"] == "Point"}
    assert checks == {"a\0one", "a\0two", "half\ufffd"}
    assert any(point["data"]["tags"].get("t\0a") == "v" and point["data"]["tags"].get("w\ufffd") == "v\0v" for point in points if point["type"] == "Point")
    assert set(json.loads((tmp_path / "summary.json").read_text())["root_group"]["checks"]) == checks


def test_a_stream_is_not_invoked(tmp_path):
    (tmp_path / "s.proto").write_text('syntax = "proto3"; package p; message M { string a = 1; } service S { rpc Answers(M) returns (stream M); '
                                      "rpc Requests(stream M) returns (M); }")
    with interop_server() as target:
        ran = once(tmp_path, f"""
            client.connect('{target.address}', {{ plaintext: true }});
            for (const name of ['Answers', 'Requests']) {{
              try {{ client.invoke('p.S/' + name, {{}}); console.log('none'); }} catch (e) {{ console.log(e.message); }}
            }}""", head="import grpc from 'k6/net/grpc'; const client = new grpc.Client(); client.load([], 's.proto');")
    assert ran.err.count("use new grpc.Stream(client, ") == 2, ran.err


# Words

@pytest.mark.parametrize("number,word", [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupt")])
@pytest.mark.parametrize("flags", [[], ["--processes", "2"]])
def test_a_signal_is_called_by_its_name(tmp_path, number, word, flags):
    (tmp_path / "script.js").write_text("import { sleep } from 'k6'; export const options = { vus: 2, duration: '10m' };\n"
                                        "export default function () { console.log('runs'); sleep(1); }")
    with open(tmp_path / "err", "wb") as err:
        child = subprocess.Popen([GAUNTLET, "run", "-q", *flags, "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
    while "runs" not in (tmp_path / "err").read_text() and child.poll() is None:
        time.sleep(0.05)
    os.kill(child.pid, number)
    assert child.wait() == 105
    assert f"received a '{word}' signal" in (tmp_path / "err").read_text()


def test_an_archive_made_here_runs_here_without_a_warning(tmp_path):
    (tmp_path / "script.js").write_text("export default function () {}")
    subprocess.run([GAUNTLET, "archive", "-O", "a.tar", "script.js"], cwd=tmp_path, check=True, stdin=subprocess.DEVNULL)
    ran = subprocess.run([GAUNTLET, "run", "-q", "a.tar"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ran.returncode == 0 and "warn" not in ran.stderr, ran.stderr


# Messages

MESSAGES = [
    ("export const options = { setupTimeout: 'abc' }; export default function () {}", 104, ['setupTimeout is "abc"', "a duration"]),
    ("export const options = { duration: '1h1' }; export default function () {}", 104, ['duration is "1h1"', "a duration"]),
    ("export const options = { thresholds: { http_reqs: [{ treshold: 'rate<1' }] } }; export default function () {}", 104,
     ["thresholds['http_reqs'][0] is", "treshold", "{ threshold: 'p(95)<200'"]),
    ("export const options = { thresholds: { 'm{a}': ['rate<1'] } }; export default function () {}", 104, ['"m{a}" is no metric with tags']),
    ("export const options = { thresholds: { http_req_duration: ['p(95)<'] } }; export default function () {}", 104, ["http_req_duration", "p(95)<"]),
    ("import d from './d.json'; export default function () {}", 107, ["d.json", "it is JSON and no module", "JSON.parse(open("]),
    ("const d = require('./d.json'); module.exports.default = function () {};", 107, ["d.json", "it is JSON and no module", "JSON.parse(open("]),
    ("import grpc from 'k6/net/grpc'; const c = new grpc.Client(); c.load([], 'e.proto'); export default function () {}", 107,
     ["e.proto is of an edition", 'syntax = "proto3"']),
]


@pytest.mark.parametrize("script,code,said", MESSAGES)
def test_a_message_says_what_it_is_about_and_what_to_do(tmp_path, script, code, said):
    (tmp_path / "d.json").write_text('{\n  "a": 1\n}')
    (tmp_path / "e.proto").write_text('// One.\nedition = "2023"; package p; message M { string a = 1; }')
    ran = run(tmp_path, script, "-q")
    assert ran.code == code, ran.err
    assert all(words in ran.err.replace('\\"', '"') for words in said), ran.err


def test_a_request_of_null_is_named(tmp_path):
    (tmp_path / "s.proto").write_text('syntax = "proto3"; package p; message M { string a = 1; } service S { rpc A(M) returns (M); }')
    with interop_server() as target:
        ran = once(tmp_path, f"client.connect('{target.address}', {{ plaintext: true }}); try {{ client.invoke('p.S/A', null); }} catch (e) {{ console.log(e.message); }}",
                   head="import grpc from 'k6/net/grpc'; const client = new grpc.Client(); client.load([], 's.proto');")
    assert ran.messages() == ["the request of invoke() is null and should be an object, {} for an empty message"], ran.err


def test_a_url_that_is_none_is_named(tmp_path):
    ran = once(tmp_path, "try { http.get(null); } catch (e) { console.log(e.message); }", "--throw")
    assert ran.messages() == ["invalid URL: it should be a text, and is null"], ran.err


def test_a_refused_websocket_says_with_which_status(tmp_path):
    with Server() as server:
        ran = once(tmp_path, f"""
            const socket = new WebSocket('ws{server.url[4:]}/');
            socket.onerror = (event) => console.log(event.error);
            socket.onclose = (event) => console.log(`${{event.code}} ${{event.reason}}`);
            """, head="import {{ WebSocket }} from 'k6/websockets';".replace("{{", "{").replace("}}", "}"))
    said = "websocket: bad handshake: the server answered 200 OK"
    assert ran.messages() == [said, f"1006 {said}"], ran.err


# What is judged after the script's options are read: exit code, the option, what it should be.
LATE = [
    ("systemTags: ['url', 'urll']", ["systemTags", "urll", "should have"]),
    ("summaryTrendStats: ['avgg']", ["summaryTrendStats", "avgg", "should have"]),
    ("summaryTrendStats: ['p(101)']", ["summaryTrendStats", "p(101)", "0 to 100"]),
    ("summaryTimeUnit: 'hours'", ["summaryTimeUnit", "hours", "there are s, ms and us"]),
    ("executionSegment: '1/3:x'", ["executionSegment", "x"]),
    ("httpDebug: 'fulll'", ["httpDebug"]),
    ("paused: true", ["paused"]),
    ("tlsAIAFetch: 'on'", ["tlsAIAFetch", "true or false"]),
    ("maxHeapBytes: 1", ["maxHeapBytes"]),
    ("scenarios: { s: { executor: 'constant-vu', vus: 1, duration: '1s' } }", ["constant-vu", "did you mean constant-vus?"]),
    ("scenarios: { s: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'defualt' } }", ["'defualt'", "did you mean default?"]),
    ("scenarios: { s: { executor: 'constant-vus', vsu: 1, duration: '1s' } }", ["scenario 's'", "vsu", "constant-vus"]),
]


@pytest.mark.parametrize("options,said", LATE)
def test_an_option_that_is_judged_late_is_named(tmp_path, options, said):
    ran = run(tmp_path, f"export const options = {{ {options} }}; export default function () {{}}", "-q")
    assert ran.code == 104 and all(words in ran.err.replace('\\"', '"') for words in said), (ran.code, ran.err)


@pytest.mark.parametrize("variable", ["K6_VUS", "K6_STAGES", "K6_DURATION", "HTTP_PROXY"])
def test_a_wrong_variable_is_refused_before_anything_runs(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://u:p@[bad")
    ran = run(tmp_path, "import http from 'k6/http'; export default function () { http.get('http://127.0.0.1:1/'); }", "-q")
    assert ran.code == 104 and variable in ran.err, (ran.code, ran.err)
    assert variable != "HTTP_PROXY" or ":p@" not in ran.err, ran.err


def test_misspelt_options_and_flags_name_what_was_meant(tmp_path):
    ran = once(tmp_path, "", options="useragent: 'me'")
    assert 'there is no option \\"useragent\\"; did you mean userAgent?' in ran.err, ran.err
    assert "did you mean --iterations?" in once(tmp_path, "", "--iteratons", "3").err
    assert "did you mean k6/http?" in run(tmp_path, "import http from 'k6/htp'; export default function () {}").err


def test_a_group_tag_of_the_scripts_own_is_a_group_at_the_top(tmp_path):
    ran = run(tmp_path, """
        import { check } from 'k6';
        export const options = { vus: 1, iterations: 1, summaryTrendStats: [] };
        export default function () { check(1, { ok: () => true }, { group: 'login' }); check(1, { deep: () => true }, { group: 'a::b' }); }
        export function handleSummary(data) { return { stdout: data.root_group.groups.map((group) => group.name).join() }; }
        """, "-q")
    assert ran.code == 0 and "login" in ran.out, (ran.code, ran.err)


def test_a_page_whose_find_was_replaced_is_told_so(tmp_path):
    with Server(b"<form><input type=submit name=a></form>") as server:
        ran = once(tmp_path, f"""
            const r = http.get('{server.url}');
            Object.getPrototypeOf(r.html()).find = () => ({{}});
            try {{ r.submitForm(); }} catch (e) {{ console.log(e.message); }}""")
    assert ran.code == 0 and "find() of the page is not what it was" in "".join(ran.messages()), ran.err


def test_copies_and_addresses_of_hostile_data(tmp_path):
    ran = once(tmp_path, """
        const copy = structuredClone(JSON.parse('{"__proto__": {"admin": true}}'));
        console.log(copy.admin, Object.keys(copy).join(), structuredClone(Object.assign(new Error('x'), { name: 'constructor' })).message);
        console.log(new URL('http://h/' + ' '.repeat(300000) + 'x').pathname.length > 300000);""")
    assert ran.messages() == ["undefined __proto__ x", "true"], ran.err
