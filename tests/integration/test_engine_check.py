"""gauntlet check: what is told of a script without a request. And --duration, whose effect shows there."""
import json

import pytest

from test_engine_commands import GAUNTLET, run


def checked(folder, text, *flags):
    (folder / "script.js").write_text(text)
    return run(folder, GAUNTLET, "check", "--no-color", *flags, "script.js")


PLAIN = """
import http from 'k6/http';
import { check } from 'k6';
const names = open('names.txt');
export const options = {
  scenarios: {
    ramp: { executor: 'ramping-arrival-rate', preAllocatedVUs: 4, stages: [{ duration: '10s', target: 80 }, { duration: '10s', target: 0 }] },
    late: { executor: 'constant-vus', vus: 3, duration: '10s', startTime: '10s', tags: { kind: 'slow' } },
  },
  thresholds: { 'http_req_duration{name:list}': ['p(95)<500'], 'http_req_failed{scenario:ramp}': ['rate<0.1'],
                'http_reqs{kind:slow}': ['count>0'], checks: ['rate>0.9'] },
  userAgent: 'me',
};
export default function () { check(http.get('http://127.0.0.1:1/', { tags: { name: 'list' } }), { ok: (r) => r.status === 200 }); }
"""


def test_a_script_without_fault_is_described(tmp_path):
    (tmp_path / "names.txt").write_text("a\n")
    said = checked(tmp_path, PLAIN)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "SCENARIOS: up to 7 VUs, over after 50s at the latest" in said.stdout
    lines = said.stdout.splitlines()
    curve = {name: lines[at + 1] for at, line in enumerate(lines) for name in ("ramp", "late") if line.startswith(f"    {name}: ")}
    # Half up and half down, of 60 characters; the other scenario only in the second half.
    drawn = curve["ramp"][6:66]
    assert drawn[0] == "▁" and drawn[29] == drawn[30] == "█" and drawn[59] == "▁" and drawn == drawn[::-1]
    assert curve["late"][6:66] == " " * 30 + "█" * 30 and curve["late"].endswith(" 3 VUs")
    assert curve["ramp"].endswith(" 80.0 iterations/s")
    for part in ("userAgent: me", "http_req_duration{name:list}: p(95)<500", "k6/http", "names.txt", "✓ nothing that would go wrong"):
        assert part in said.stdout


def test_the_same_as_json(tmp_path):
    (tmp_path / "names.txt").write_text("a\n")
    told = json.loads(checked(tmp_path, PLAIN, "--json").stdout)
    assert (told["exitCode"], told["error"], told["warnings"]) == (0, None, [])
    assert told["maxVUs"] == 7 and told["files"] == ["names.txt"] and "k6/http" in told["imports"]
    assert [(one["name"], one["unit"], max(one["load"])) for one in told["scenarios"]] == [("ramp", "iterations/s", 80), ("late", "VUs", 3)]


@pytest.mark.parametrize("key, why", [
    ("http_req_duration{scenario:nobody}", "there is no scenario nobody; there are default"),
    ("http_req_duration{kind:slow}", "nothing in the script has a tag kind"),
    ("http_req_duration{ip:127.0.0.1}", "the tag ip is not recorded"),
    ("http_req_duration{group:::one}", "the script has no group()"),
    ("iterations{status:200}", "samples of iterations have no tag status"),
    ("grpc_req_duration", "the script does not import k6/net/grpc"),
    ("checks", "the script has no check()"),
    ("schedule_slip", "no scenario has an arrival rate"),
])
def test_a_threshold_that_never_has_a_sample_is_found(tmp_path, key, why):
    said = checked(tmp_path, f"""
import http from 'k6/http';
export const options = {{ thresholds: {{ '{key}': ['{"rate>0" if key in ("checks",) else "count>=0" if key.startswith("iterations") else "p(95)<1"}'] }} }};
export default function () {{ http.get('http://127.0.0.1:1/'); }}
""")
    assert said.returncode == 1 and f"! the threshold on {key} never has a sample: {why}" in said.stdout, said.stdout


@pytest.mark.parametrize("script, code, words", [
    ("export const options = { thresholds: { nothing: ['count>0'] } }; export default function () {}", 104, "no metric name"),
    ("export const options = { scenarios: { a: { executor: 'constant-vus', duration: '5s', exec: 'no' } } }; export default () => {}", 104,
     "function 'no' not found in exports"),
    ("throw new Error('at once');", 107, "at once"),
    ("export const options = { treshold: {} }; export default function () {}", 1, "there is no option \"treshold\""),
])
def test_what_a_run_would_end_with_is_the_exit_code(tmp_path, script, code, words):
    said = checked(tmp_path, script)
    assert said.returncode == code and words in said.stdout, said.stdout + said.stderr


def test_help_manual_and_completion_know_it(tmp_path):
    assert "\n  check" in run(tmp_path, GAUNTLET, "--help").stdout
    assert "gauntlet check" in run(tmp_path, GAUNTLET, "manual").stdout
    assert " check " in run(tmp_path, GAUNTLET, "completion", "bash").stdout
    assert "Exit codes: 0 nothing found; 1 it runs" in run(tmp_path, GAUNTLET, "check", "--help").stdout


def test_duration_stretches_every_time_alike(tmp_path):
    said = checked(tmp_path, """
export const options = { scenarios: {
  warm: { executor: 'constant-vus', vus: 1, duration: '5m' },
  main: { executor: 'ramping-vus', stages: [{ duration: '4m', target: 5 }, { duration: '1m', target: 0 }], startTime: '5m' },
  once: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '2m', startTime: '10m' },
  free: { executor: 'per-vu-iterations', vus: 1, iterations: 1 },
} };
export default function () {}
""", "--json", "--duration", "60s")
    assert said.returncode == 0, said.stdout + said.stderr
    scenarios = json.loads(said.stdout)["options"]["scenarios"]
    assert scenarios["warm"]["duration"] == "30s"
    assert scenarios["main"]["startTime"] == "30s" and [stage["duration"] for stage in scenarios["main"]["stages"]] == ["24s", "6s"]
    assert (scenarios["once"]["startTime"], scenarios["once"]["maxDuration"]) == ("1m0s", "12s")
    assert scenarios["free"].get("maxDuration") in (None, "10m0s")
    assert "gracefulStop and gracefulRampDown stay" in said.stderr
