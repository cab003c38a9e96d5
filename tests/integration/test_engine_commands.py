"""k6's commands beside run: new, inspect, archive, deps. Where K6 names a k6, what it says of the same script is
compared, and each runs what the other has packed."""
import json
import subprocess

import pytest

from given_k6 import given_k6
from test_stack import ROOT

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
    k6 = given_k6()
    if k6 and "-u" not in flags:  # ours takes run's flags, too
        theirs = json.loads(run(project, k6, "inspect", *flags, "script.js").stdout)
        # systemTags and summaryTrendStats of a run are not shown where nobody gave them.
        for name in theirs:
            if name not in ("systemTags", "summaryTrendStats", "scenarios", "dns") or not flags:
                assert options[name] == theirs[name], name
        assert set(options) == set(theirs)


def test_an_archive_runs_where_the_files_are_not(project, tmp_path):
    packed = run(project, ENGINE, "archive", "-e", "FOO=bar", "-i", "1", "-u", "1", "-O", tmp_path / "test.tar", "script.js")
    assert packed.returncode == 0, packed.stderr
    for file in sorted(project.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    for program in filter(None, [ENGINE, given_k6()]):
        ran = run(tmp_path, program, "run", "-q", "-a", "", "test.tar")
        assert ran.returncode == 0 and 'msg="2 5 8 bar"' in ran.stderr, ran.stderr
        told = run(tmp_path, program, "run", "-q", "-a", "", "-e", "FOO=mine", "test.tar")
        assert 'msg="2 5 8 mine"' in told.stderr


def test_k6s_archives_run_here(project, tmp_path):
    k6 = given_k6()
    if k6 is None:
        pytest.skip("K6 names no k6")
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


def test_nothing_stands_behind_what_handle_summary_prints(tmp_path):
    (tmp_path / "s.js").write_text("""import http from 'k6/http';
        export default function () { http.get('http://127.0.0.1:9/'); }
        export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics.http_reqs.values) }; }""")
    ran = run(tmp_path, ENGINE, "run", "-q", "s.js")
    assert json.loads(ran.stdout)["count"] == 1
    assert "ENDPOINTS" in ran.stderr


def test_deps_lists_imports_as_k6_does(project):
    ours = run(project, ENGINE, "deps", "--json", "script.js")
    found = json.loads(ours.stdout)
    assert found["imports"] == [f"file://{project}/folder/module.js", f"file://{project}/library.js", f"file://{project}/script.js", "k6", "k6/http", "k6/net/grpc"]
    k6 = given_k6()
    if k6:
        assert found == json.loads(run(project, k6, "deps", "--json", "script.js").stdout)
        assert run(project, ENGINE, "deps", "script.js").stdout.split() == run(project, k6, "deps", "script.js").stdout.split()


@pytest.mark.parametrize("template", ["minimal", "protocol"])
def test_a_new_script_is_one_that_runs(tmp_path, template):
    assert run(tmp_path, GAUNTLET, "new", "--template", template, "first.js").stdout == f"New script created: first.js ({template} template).\n"
    again = run(tmp_path, GAUNTLET, "new", "first.js")
    assert again.returncode == 255 and "already exists" in again.stderr
    for program in filter(None, [ENGINE, given_k6()]):
        assert run(tmp_path, program, "inspect", "--execution-requirements", "first.js").returncode == 0
    copied = run(tmp_path, GAUNTLET, "new", "--template", "./first.js", "second.js")
    assert copied.returncode == 0 and (tmp_path / "second.js").read_text() == (tmp_path / "first.js").read_text()
    assert run(tmp_path, GAUNTLET, "new", "--template", "nothing", "third.js").returncode == 255
