"""What users of load testers have asked for: setup and teardown of a virtual user, runs that fail by a flag, objects as JSON, endpoints that
are one row although their addresses differ, users and rate by scenario."""
import http.server
import json
import threading

import pytest

from test_engine_commands import GAUNTLET, run


def ran(folder, text, *flags):
    (folder / "script.js").write_text(text)
    return run(folder, GAUNTLET, "run", "-q", "--no-color", "--log-format", "raw", *flags, "script.js")


@pytest.fixture()
def echo():
    """Answers each request with its Content-Type and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.dumps([self.headers.get("Content-Type"), self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


LIFE = """
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
export const options = { scenarios: { s: %s } };
export const setup = () => ({ base: 7 });
export async function setupVU(data) { await null; console.log(`up ${__VU} ${data.base} ${exec.scenario.name}`); return { vu: __VU, iterations: 0 }; }
export default function (data, mine) { mine.iterations += 1; if (mine.vu !== __VU || data.base !== 7) console.log('not mine'); }
export function teardownVU(data, mine) { console.log(`down ${__VU} ${data.base} ${mine.iterations > 0} ${mine.iterations}`); }
"""


@pytest.mark.parametrize("scenario", [
    "{ executor: 'per-vu-iterations', vus: 3, iterations: 4 }",
    "{ executor: 'shared-iterations', vus: 3, iterations: 12 }",
    "{ executor: 'constant-vus', vus: 3, duration: '1s' }",
    "{ executor: 'ramping-vus', startVUs: 3, stages: [{ duration: '1s', target: 3 }] }",
    "{ executor: 'constant-arrival-rate', rate: 60, duration: '1s', preAllocatedVUs: 3 }",
    "{ executor: 'ramping-arrival-rate', startRate: 60, stages: [{ duration: '1s', target: 60 }], preAllocatedVUs: 3 }",
])
def test_each_user_is_set_up_before_its_first_iteration_and_torn_down_after_its_last(tmp_path, scenario):
    said = ran(tmp_path, LIFE % scenario)
    assert said.returncode == 0, said.stdout + said.stderr
    lines = said.stderr.splitlines()
    assert "not mine" not in said.stderr
    ups = sorted(line for line in lines if line.startswith("up "))
    downs = sorted(line for line in lines if line.startswith("down "))
    assert len(ups) == len(set(ups)) == len(downs) and set(ups) <= {f"up {vu} 7 s" for vu in (1, 2, 3)}
    assert all(" true " in line for line in downs)
    if "per-vu" in scenario:
        assert downs == [f"down {vu} 7 true 4" for vu in (1, 2, 3)]
    assert "group_duration" in said.stdout or "iterations" in said.stdout


def test_a_user_that_cannot_be_set_up_tries_again_and_its_iteration_has_failed(tmp_path):
    said = ran(tmp_path, """
export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 3 } } };
let tries = 0;
export function setupVU() { tries += 1; if (tries === 1) throw new Error('no login'); return tries; }
export default function (data, mine) { console.log(`ran with ${mine}`); }
""", "--out", "json=results.json")
    assert said.returncode == 0 and said.stderr.count("no login") == 1 and said.stderr.count("ran with 2") == 2
    assert json.loads((tmp_path / "results.json").read_text())["metrics"]["iterations"]["values"]["count"] == 3


def test_setup_of_a_user_has_the_patience_of_setup_and_can_be_left_out(tmp_path):
    script = """
import { sleep } from 'k6';
export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1 } }, setupTimeout: '1s' };
export function setupVU() { sleep(30); }
export default function () { console.log('ran'); }
export function teardownVU() { console.log('down'); }
"""
    late = ran(tmp_path, script)
    assert "setupVU() execution timed out after 1 seconds" in late.stderr and "ran" not in late.stderr and "down" not in late.stderr
    without = ran(tmp_path, script, "--no-setup")
    assert "ran" in without.stderr and "down" in without.stderr
    assert "down" not in ran(tmp_path, script, "--strict-k6", "--no-setup").stderr


def test_failed_checks_and_thresholds_without_samples_fail_a_run_by_one_flag(tmp_path):
    script = """
import { check } from 'k6';
import { Rate } from 'k6/metrics';
const idle = new Rate('idle');
export const options = { thresholds: { %s } };
export default function () { check(1, { one: (x) => x === %s }); }
"""
    assert ran(tmp_path, script % ("", "2")).returncode == 0
    failed = ran(tmp_path, script % ("", "2"), "--require-all-ok")
    assert failed.returncode == 99 and "1 of 1 checks failed, and --require-all-ok is set" in failed.stderr
    idle = ran(tmp_path, script % ("idle: ['rate>0.5']", "1"))
    assert idle.returncode == 0 and "– 'rate>0.5' no data" in idle.stdout
    assert "✓ 'rate>0.5' rate=0.00%" in ran(tmp_path, script % ("idle: ['rate>0.5']", "1"), "--strict-k6").stdout
    required = ran(tmp_path, script % ("idle: ['rate>0.5']", "1"), "--require-all-ok")
    assert required.returncode == 99 and "thresholds on metrics 'idle' never had a sample" in required.stderr
    assert ran(tmp_path, script % ("checks: ['rate>0.5'], dropped_iterations: ['count<1']", "1"), "--require-all-ok").returncode == 0


@pytest.mark.parametrize("option", ["", "export const options = { jsonBodies: true };"])
def test_an_object_is_json_where_the_option_and_the_content_type_say_so(tmp_path, echo, option):
    said = ran(tmp_path, """
import http from 'k6/http';
%s
export default function () {
  const json = { headers: { 'content-type': 'application/vnd.api+json' } };
  console.log('typed', http.post('%s', { b: [1, { c: null }], a: 'x' }, json).body);
  console.log('plain', http.post('%s', { b: 1, a: 'x y' }).body);
  if (%s) console.log('list', http.post('%s', [1, 2], json).body);
}
""" % (option, echo, echo, "true" if option else "false", echo))
    lines = said.stderr.splitlines()
    assert 'plain ["application/x-www-form-urlencoded", "a=x+y&b=1"]' in lines, lines
    typed = next(json.loads(line[6:]) for line in lines if line.startswith("typed "))
    assert typed[0] == "application/vnd.api+json"
    if option:
        assert json.loads(typed[1]) == {"b": [1, {"c": None}], "a": "x"}
        assert 'list ["application/vnd.api+json", "[1,2]"]' in lines
    else:
        assert "=" in typed[1]


def test_addresses_that_differ_in_numbers_are_one_endpoint_and_still_samples_of_their_own(tmp_path, echo):
    said = ran(tmp_path, f"""
import http from 'k6/http';
export const options = {{ iterations: 60 }};
export default function () {{
  http.get(`{echo}/users/${{__ITER}}/items?page=${{__ITER}}`);
  http.get(`{echo}/few/${{__ITER % 3}}`);
  http.get(`{echo}/named/${{__ITER}}`, {{ tags: {{ name: 'named' }} }});
}}
""", "--out", "points=points.json", "--out", "json=results.json")
    assert said.returncode == 0, said.stderr
    rows = {(row["name"], row["count"]) for row in json.loads((tmp_path / "results.json").read_text())["endpoints"]}
    assert rows == {(f"{echo}/users/{{}}/items?page={{}}", 60), *((f"{echo}/few/{at}", 20) for at in range(3)), ("named", 60)}
    assert "{} stands for numbers and ids that differ" in said.stdout
    assert f"{echo}/users/59/items?page=59" in (tmp_path / "points.json").read_text()


def test_long_addresses_are_shortened_in_the_middle(tmp_path, echo):
    said = ran(tmp_path, f"""
import http from 'k6/http';
export default function () {{ for (const end of ['first', 'second']) http.get('{echo}/{'a' * 80}/' + end); }}
""")
    assert "aaaa/first " in said.stdout and "aaaa/second " in said.stdout and "…aaaa" in said.stdout


@pytest.mark.parametrize("flags", [(), ("--processes", "2")])
def test_users_and_rate_are_told_by_scenario(tmp_path, flags):
    script = """
import { sleep } from 'k6';
export const options = { scenarios: {
  loop: { executor: 'per-vu-iterations', vus: 4, iterations: 3 },
  due: { executor: 'constant-arrival-rate', rate: 20, duration: '3s', preAllocatedVUs: 2, exec: 'slow' },
} };
export default function () { sleep(0.1); }
export function slow() { sleep(0.5); }
"""
    (tmp_path / "script.js").write_text(script)
    told = run(tmp_path, GAUNTLET, "run", "--no-color", "--out", "web-dashboard=port=-1&export=report.html", *flags, "script.js")
    assert told.returncode == 0, told.stderr
    rows = {row.split()[-1]: row.split()[:-1] for row in told.stdout.split("SCENARIOS\n")[1].split("\n\n")[0].splitlines()[1:]}
    assert sorted(rows) == ["due", "loop"] and rows["loop"][0] == "12" and rows["loop"][2:] == ["0", "4"], rows
    assert rows["due"][3] == "2" and int(rows["due"][0]) > 0 and float(rows["due"][1]) > 0 and int(rows["due"][2]) > 0, rows
    assert "done/s" in told.stdout and '"vus_most":4' in (tmp_path / "report.html").read_text()
    strict = run(tmp_path, GAUNTLET, "run", "--no-color", "--strict-k6", "script.js")
    assert "SCENARIOS" not in strict.stdout and "done/s" not in strict.stdout


REQUESTS_AROUND = """
import http from 'k6/http';
export const options = { vus: 2, iterations: 4, thresholds: { http_reqs: ['count==%d'] } };
const ask = () => { http.get('%s'); };
export const setup = ask, teardown = ask, setupVU = ask, teardownVU = ask;
export default ask;
"""


@pytest.mark.parametrize("flags, requests", [([], 4 + 2 + 2 * 2), (["--setup-apart"], 4)])
def test_requests_of_setups_and_teardowns_are_kept_apart_on_request(tmp_path, echo, flags, requests):
    said = ran(tmp_path, REQUESTS_AROUND % (requests, echo), *flags)
    assert said.returncode == 0, said.stdout + said.stderr
