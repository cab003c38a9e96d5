"""k6's commands beside run: new, inspect, archive, deps, and those that steer a running test by the REST API. Where real k6 1.8.1
is on the machine, what it says of the same script is compared, and each runs what the other has packed."""
import json
import os
import pathlib
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from test_stack import ROOT, wait_for

ENGINE = ROOT / "build" / "release" / "bin" / "k6"
GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"

LIBRARY = "export const one = 1;\n"
MODULE = "import { one } from '../library.js'; export const two = one + 1;\n"
PROTO = 'syntax = "proto3"; package p; service S { rpc M(A) returns (A); } message A { string a = 1; }\n'
SCRIPT = """
import { two } from './folder/module.js';
import http from 'k6/http';
import grpc from 'k6/net/grpc';
import { sleep } from 'k6';
const data = JSON.parse(open('./data.json')), bytes = open('data.json', 'b');
const client = new grpc.Client();
client.load(['protos'], 'p.proto');
export const options = {
  scenarios: {
    a: { executor: 'constant-vus', vus: 2, duration: '10s', env: { A: 'b' } },
    b: { executor: 'ramping-arrival-rate', startRate: 2, preAllocatedVUs: 3, maxVUs: 7, stages: [{ target: 4, duration: '5s' }], startTime: '12s' },
  },
  thresholds: { iterations: ['count>=0', { threshold: 'rate>0', abortOnFail: true, delayAbortEval: '10s' }] },
  hosts: { 'a.b': '127.0.0.1' }, tags: { t: '1' },
};
export default function () { console.log(two, data.a, bytes.byteLength, __ENV.FOO); }
"""

LONG = """
import { check, group, sleep } from 'k6';
export const options = { vus: 2, duration: '120s', thresholds: { checks: ['rate>0.9'], 'checks{a:b}': ['rate>0.5'] } };
export function setup() { return { a: 1 }; }
export default function (data) { group('g', () => check(1, { c: true })); sleep(0.05); }
export function teardown() { console.log('teardown ran'); }
"""


def real_k6():
    for candidate in filter(None, [os.environ.get("REAL_K6"), ROOT / "build" / "tools" / "k6", pathlib.Path.home() / "go" / "bin" / "k6"]):
        if pathlib.Path(candidate).exists() and subprocess.run([candidate, "version"], capture_output=True, text=True).stdout.startswith("k6 v1.8.1"):
            return str(candidate)
    return None


def run(folder, *command):
    return subprocess.run([str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.fixture()
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "folder").mkdir(parents=True)
    (folder / "protos").mkdir()
    (folder / "script.js").write_text(SCRIPT)
    (folder / "library.js").write_text(LIBRARY)
    (folder / "folder" / "module.js").write_text(MODULE)
    (folder / "data.json").write_text('{"a": 5}')
    (folder / "protos" / "p.proto").write_text(PROTO)
    return folder


@pytest.mark.parametrize("flags", [[], ["--execution-requirements"], ["--execution-requirements", "-u", "3", "-d", "7s"]])
def test_inspect_prints_the_options_as_k6_does(project, flags):
    ours = run(project, ENGINE, "inspect", *flags, "script.js")
    assert ours.returncode == 0, ours.stderr
    options = json.loads(ours.stdout)
    if not flags:
        assert options["scenarios"]["a"] == {"executor": "constant-vus", "startTime": None, "gracefulStop": None, "env": {"A": "b"}, "exec": None,
                                             "tags": None, "vus": 2, "duration": "10s"}
        assert options["hosts"] == {"a.b": "127.0.0.1"}
    else:
        assert (options["totalDuration"], options["maxVUs"]) == (("47s", 9) if len(flags) == 1 else ("37s", 3))
    k6 = real_k6()
    if k6 and "-u" not in flags:  # ours takes run's flags, too
        theirs = json.loads(run(project, k6, "inspect", *flags, "script.js").stdout)
        # systemTags and summaryTrendStats of a run are not shown where nobody gave them.
        for name in ("consoleOutput", "localIPs"):  # of a run ours lists two more
            options.pop(name, None)
        for name in theirs:
            if name not in ("systemTags", "summaryTrendStats", "scenarios", "dns") or not flags:
                assert options[name] == theirs[name], name
        assert set(options) == set(theirs)


def test_an_archive_runs_where_the_files_are_not(project, tmp_path):
    packed = run(project, ENGINE, "archive", "-e", "FOO=bar", "-i", "1", "-u", "1", "-O", tmp_path / "test.tar", "script.js")
    assert packed.returncode == 0, packed.stderr
    for file in sorted(project.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    for program in filter(None, [ENGINE, real_k6()]):
        ran = run(tmp_path, program, "run", "-q", "-a", "", "test.tar")
        assert ran.returncode == 0 and 'msg="2 5 8 bar"' in ran.stderr, ran.stderr
        told = run(tmp_path, program, "run", "-q", "-a", "", "-e", "FOO=mine", "test.tar")
        assert 'msg="2 5 8 mine"' in told.stderr


def test_k6s_archives_run_here(project, tmp_path):
    k6 = real_k6()
    if k6 is None:
        pytest.skip("needs real k6")
    assert run(project, k6, "archive", "-e", "FOO=bar", "-i", "1", "-u", "1", "-O", tmp_path / "test.tar", "script.js").returncode == 0
    for file in sorted(project.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    ran = run(tmp_path, ENGINE, "run", "-q", "test.tar")
    assert ran.returncode == 0 and 'msg="2 5 8 bar"' in ran.stderr, ran.stderr


def test_an_archive_holds_the_variables_that_were_given_and_no_others(project, tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_SYSTEM", "hidden")
    run(project, ENGINE, "archive", "-e", "FOO=bar", "-O", tmp_path / "a.tar", "script.js")
    run(project, ENGINE, "archive", "-e", "FOO=bar", "--exclude-env-vars", "-O", tmp_path / "b.tar", "script.js")
    assert b"A_SECRET" not in (tmp_path / "a.tar").read_bytes() and b'"FOO": "bar"' in (tmp_path / "a.tar").read_bytes()
    assert b'"FOO"' not in (tmp_path / "b.tar").read_bytes()


def test_a_damaged_archive_is_refused_by_name(project, tmp_path):
    run(project, ENGINE, "archive", "-O", tmp_path / "test.tar", "script.js")
    whole = (tmp_path / "test.tar").read_bytes()
    (tmp_path / "test.tar").write_bytes(whole[:1200])
    ran = run(tmp_path, ENGINE, "run", "test.tar")
    assert ran.returncode == 255 and "test.tar is no archive of a k6 test" in ran.stderr


def test_deps_lists_imports_as_k6_does(project):
    ours = run(project, ENGINE, "deps", "--json", "script.js")
    found = json.loads(ours.stdout)
    assert found["imports"] == [f"file://{project}/folder/module.js", f"file://{project}/library.js", f"file://{project}/script.js", "k6", "k6/http", "k6/net/grpc"]
    k6 = real_k6()
    if k6:
        assert found == json.loads(run(project, k6, "deps", "--json", "script.js").stdout)
        assert run(project, ENGINE, "deps", "script.js").stdout.split() == run(project, k6, "deps", "script.js").stdout.split()


@pytest.mark.parametrize("template", ["minimal", "protocol"])
def test_a_new_script_is_one_that_runs(tmp_path, template):
    assert run(tmp_path, GAUNTLET, "new", "--template", template, "first.js").stdout == f"New script created: first.js ({template} template).\n"
    again = run(tmp_path, GAUNTLET, "new", "first.js")
    assert again.returncode == 255 and "already exists" in again.stderr
    for program in filter(None, [ENGINE, real_k6()]):
        assert run(tmp_path, program, "inspect", "--execution-requirements", "first.js").returncode == 0
    copied = run(tmp_path, GAUNTLET, "new", "--template", "./first.js", "second.js")
    assert copied.returncode == 0 and (tmp_path / "second.js").read_text() == (tmp_path / "first.js").read_text()
    assert run(tmp_path, GAUNTLET, "new", "--template", "nothing", "third.js").returncode == 255


# The REST API

class Running:
    def __init__(self, folder, program, *flags):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        (folder / "long.js").write_text(LONG)
        self.process = subprocess.Popen([str(program), "run", "-q", "--no-color", "--address", self.address, *flags, "long.js"], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert wait_for(lambda: self.is_ready(paused="--paused" in flags), 30)

    def is_ready(self, paused):
        try:
            return self.ask("/v1/status")[1]["data"]["attributes"]["status"] == (4 if paused else 7)
        except (urllib.error.URLError, ConnectionError):
            return False

    def ask(self, path, method="GET", attributes=None, body=None):
        if attributes is not None:
            body = json.dumps({"data": {"type": "status", "id": "default", "attributes": attributes}})
        request = urllib.request.Request(f"http://{self.address}{path}", method=method, data=body and body.encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text, status = answer.read().decode(), answer.status
        except urllib.error.HTTPError as refusal:
            text, status = refusal.read().decode(), refusal.code
        return status, json.loads(text) if text.startswith("{") else text

    def command(self, program, *words):
        return run("/", program, words[0], "-a", self.address, *words[1:])

    def end(self):
        self.process.terminate()
        said = self.process.stdout.read()
        return self.process.wait(30), said


def programs():
    """Ours always; real k6 must answer the same tests."""
    return [pytest.param("ours", id="ours"), pytest.param("k6", id="k6")]


@pytest.fixture(params=programs())
def program(request):
    found = ENGINE if request.param == "ours" else real_k6()
    if found is None:
        pytest.skip("needs real k6")
    return found


def test_a_paused_test_waits_and_is_resumed(tmp_path, program):
    test = Running(tmp_path, program, "--paused")
    try:
        assert test.ask("/v1/status")[1]["data"]["attributes"] == {"status": 4, "paused": True, "vus": 0, "vus-max": 2, "stopped": False, "running": False, "tainted": False}
        refused = test.command(ENGINE, "pause")
        assert refused.returncode == 255 and "Pause error: execution is already paused" in refused.stderr
        assert test.command(ENGINE, "resume").returncode == 0
        assert wait_for(lambda: test.is_ready(paused=False), 30)
        status = test.command(ENGINE, "status")
        assert status.stdout == 'status: 7\npaused: "false"\nvus: "2"\nvus-max: "2"\nstopped: false\nrunning: true\ntainted: false\n'
        late = test.command(ENGINE, "pause")
        assert "constant-vus executor 'default' doesn't support pause and resume operations after its start" in late.stderr
        scale = test.command(ENGINE, "scale", "-u", "5")
        assert scale.returncode == 255 and "an externally-controlled executor needs to be configured" in scale.stderr
    finally:
        test.end()


def test_a_running_test_tells_its_metrics_groups_and_setup_data(tmp_path, program):
    test = Running(tmp_path, program)
    try:
        assert wait_for(lambda: test.ask("/v1/metrics/checks")[0] == 200 and test.ask("/v1/metrics/vus")[0] == 200, 30)
        assert wait_for(lambda: test.ask("/v1/metrics/checks")[1]["data"]["attributes"]["tainted"] is False, 30)
        checks = test.ask("/v1/metrics/checks")[1]["data"]
        assert checks == {"type": "metrics", "id": "checks", "attributes": {"type": "rate", "contains": "default", "tainted": False, "sample": {"rate": 1}}}
        metrics = {metric["id"]: metric["attributes"] for metric in test.ask("/v1/metrics")[1]["data"]}
        assert set(metrics["iteration_duration"]["sample"]) == {"avg", "max", "med", "min", "p(90)", "p(95)"}
        assert set(metrics["iterations"]["sample"]) == {"count", "rate"} and metrics["vus"]["sample"] == {"value": 2}
        assert "checks{a:b}" in metrics
        assert test.ask("/v1/metrics/checks%7Ba:b%7D")[0] == 200
        root, group = test.ask("/v1/groups")[1]["data"]
        assert root["id"] == "d41d8cd98f00b204e9800998ecf8427e" and root["attributes"] == {"path": "", "name": "", "checks": None}
        assert root["relationships"]["groups"]["data"] == [{"type": "groups", "id": group["id"]}]
        (check,) = group["attributes"]["checks"]
        assert (check["id"], check["path"], check["fails"]) == ("29c7ecfc22a9514dddfc70191ad1b230", "::g::c", 0) and check["passes"] > 0
        assert test.ask("/v1/groups/" + group["id"])[1]["data"]["attributes"]["name"] == "g"
        assert test.ask("/v1/setup")[1] == {"data": {"type": "setupData", "id": "default", "attributes": {"data": {"a": 1}}}}
        assert test.ask("/v1/metrics/nope") == (404, {"errors": [{"status": "404", "title": "Not Found", "detail": "No metric with that ID was found"}]})
        assert test.ask("/v1/groups/nope")[0] == 404
        assert test.ask("/") == (200, "ok")
        assert test.ask("/v1/status", "PATCH", body="zz")[0] == 400
        assert test.ask("/v1/status", "POST", body="{}")[0] == 405
        assert "- name: iteration_duration\n" in test.command(ENGINE, "stats").stdout
    finally:
        test.end()


def test_a_test_is_stopped_with_its_teardown_and_says_so_by_its_exit_code(tmp_path, program):
    test = Running(tmp_path, program)
    assert test.ask("/v1/status", "PATCH", {"stopped": True})[1]["data"]["attributes"]["stopped"] is True
    said = test.process.stdout.read()
    assert test.process.wait(30) == 103
    assert "teardown ran" in said and "test run stopped from REST API" in said


def test_without_address_nothing_listens_and_commands_say_what_to_do(tmp_path):
    refused = run(tmp_path, ENGINE, "status", "-a", "127.0.0.1:1")
    assert refused.returncode == 255 and "it must run with --address 127.0.0.1:1" in refused.stderr
    (tmp_path / "long.js").write_text(LONG)
    paused = run(tmp_path, ENGINE, "run", "--paused", "long.js")
    assert paused.returncode == 104 and "--address" in paused.stderr


def test_a_taken_address_ends_the_run_before_it_begins(tmp_path):
    (tmp_path / "long.js").write_text(LONG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = run(tmp_path, ENGINE, "run", "--address", f"127.0.0.1:{taken.getsockname()[1]}", "long.js")
    assert ran.returncode == 106 and "the REST API cannot be served" in ran.stderr
