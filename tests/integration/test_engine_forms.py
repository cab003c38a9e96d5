"""Forms, batches, queries and data as browsers and scripts' authors expect them, against a server that says what it was sent."""
import http.server
import json
import subprocess
import threading

import pytest

from test_stack import ROOT

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"

FORM = """<form method="post" action="/form">
<input type="checkbox" name="bare" checked><input type="checkbox" name="valued" value="v" CHECKED="">
<input type="checkbox" name="off"><input type="checkbox" name="many" value="1" checked><input type="checkbox" name="many" value="2" checked>
<input name="gone" value="1" disabled><fieldset disabled><legend><input name="legend" value="l"></legend><input name="inner" value="1"></fieldset>
<input name="text" value="t"><button type="submit" name="go" value="Go" formaction="/button" formmethod="post">Go</button></form>"""


class Teller(http.server.BaseHTTPRequestHandler):
    """Answers the page, and to everything else the request line and the body."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = FORM if self.path == "/page" else f"{self.requestline}\n{body}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def url():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Teller)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def run(tmp_path, script, url="", ends=0):
    """What the script prints as its last line, as JSON; or all that is said when the run ends with another code."""
    (tmp_path / "script.js").write_text(script)
    done = subprocess.run([GAUNTLET, "run", "--quiet", "--no-color", "-e", f"U={url}", "--console-output", "out.txt", "--log-format", "raw",
                           "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == ends, done.stdout + done.stderr
    return json.loads((tmp_path / "out.txt").read_text().splitlines()[-1]) if ends == 0 else done.stdout + done.stderr


def test_a_form_is_sent_as_a_browser_sends_it(tmp_path, url):
    said = run(tmp_path, """
        import http from 'k6/http';
        export default function () {
          const page = http.get(`${__ENV.U}/page`), form = page.html('form');
          console.log(JSON.stringify({ sent: page.submitForm().body, object: form.serializeObject(), text: form.serialize(),
                                       other: page.submitForm({ submitSelector: '#none', fields: { text: 'u' } }).body }));
        }""", url)
    fields = "bare=on&many=1&many=2&text=t&valued=v"
    assert said["text"] == f"bare=on&legend=l&{fields.removeprefix('bare=on&')}"
    assert said["object"] == {"bare": "on", "valued": "v", "many": "2", "legend": "l", "text": "t"}
    assert said["sent"].splitlines() == ["POST /button HTTP/1.1", "bare=on&go=Go&legend=l&many=1&many=2&text=t&valued=v"]
    assert said["other"].splitlines() == ["POST /form HTTP/1.1", "bare=on&legend=l&many=1&many=2&text=u&valued=v"]


def test_a_bad_entry_of_a_batch_fails_alone(tmp_path, url):
    said = run(tmp_path, """
        import http from 'k6/http';
        export default function () {
          const list = http.batch([`${__ENV.U}/a`, 'http://a b/', ['GET'], null, `${__ENV.U}/b`]);
          const named = http.batch({ good: `${__ENV.U}/c`, bad: { method: 'GET' } });
          console.log(JSON.stringify({ list: list.map((r) => r.status), error: list[1].error, named: [named.good.status, named.bad.error] }));
        }""", url)
    assert said["list"] == [200, 0, 0, 0, 200] and "a b" in said["error"]
    assert said["named"][0] == 200 and "url" in said["named"][1]


def test_blanks_in_a_query_are_encoded(tmp_path, url):
    said = run(tmp_path, """
        import http from 'k6/http';
        export default function () { const r = http.get(`${__ENV.U}/x?a=b c&d= e`); console.log(JSON.stringify([r.body, r.url])); }""", url)
    assert said == ["GET /x?a=b%20c&d=%20e HTTP/1.1\n", f"{url}/x?a=b%20c&d=%20e"]


def test_a_byte_order_mark_is_no_data_of_a_csv(tmp_path):
    (tmp_path / "d.csv").write_bytes(b'\xef\xbb\xbfname,"n"\r\nann,1\r\n')
    said = run(tmp_path, """
        import { open } from 'k6/experimental/fs'; import csv from 'k6/experimental/csv';
        const rows = await csv.parse(await open('d.csv'), { asObjects: true });
        export default function () { console.log(JSON.stringify(rows)); }""")
    assert said == [{"name": "ann", "n": "1"}]


@pytest.mark.parametrize("element, kind", [("new ArrayBuffer(2)", "an ArrayBuffer"), ("{ a: [new Uint8Array(2)] }", "a typed array"),
                                           ("{ m: new Map([[1, 2]]) }", "a Map"), ("[new Set([1])]", "a Set")])
def test_what_a_shared_array_would_lose_is_refused(tmp_path, element, kind):
    said = run(tmp_path, f"""
        import {{ SharedArray }} from 'k6/data';
        const a = new SharedArray('a', () => ['x', {element}]);
        export default function () {{}}""", ends=107)
    assert f"element 1 of the SharedArray has {kind} in it" in said


def test_what_a_shared_array_keeps_comes_back(tmp_path):
    said = run(tmp_path, """
        import { SharedArray } from 'k6/data';
        const shared = {}, a = new SharedArray('a', () => [{}, { 0: 'zero' }, { d: new Date(0), e: [{}, shared, shared] }, null, 5]);
        export default function () { console.log(JSON.stringify([...a])); }""")
    assert said == [{}, {"0": "zero"}, {"d": "1970-01-01T00:00:00.000Z", "e": [{}, {}, {}]}, None, 5]
