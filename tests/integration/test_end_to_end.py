"""The whole on real parts: the stack up, the guide's scenarios on the engine, services killed under load."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

import pytest

from given_k6 import given_k6

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "build" / "release" / "bin"
PROJECT_PARTS = ["config", "migrations", "proto", "test/k6", "test/scripts", ".env.example"]


class Stack:
    """A stack with a project folder, state and ports of its own, the guide's fixtures loaded and seeded."""

    def __init__(self):
        self.project = pathlib.Path(tempfile.mkdtemp(prefix="gauntlet-e2e-"))
        self.project.chmod(0o755)
        for part in PROJECT_PARTS:
            target = self.project / part
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, target)
        (self.project / "test/results").mkdir()
        self.gauntlet("fixtures")
        shutil.copy(self.project / "test/fixtures/challenges.json", self.project / "config/challenges.json")
        self.up()

    def up(self):
        self.gauntlet("up", "--auto-ports")
        self.env = dict(re.findall(r"^export (\w+)='(.*)'$", self.gauntlet("env"), re.MULTILINE))

    def gauntlet(self, *arguments, check=True):
        done = subprocess.run([BIN / "gauntlet", "--project", self.project, "--state-dir", self.project / "state", *arguments],
                              cwd=self.project, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, f"gauntlet {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def sql(self, statement):
        text = subprocess.run(["psql", "-XAtc", statement], env={**os.environ, **self.env}, capture_output=True, text=True, timeout=60)
        assert text.returncode == 0, text.stderr
        return text.stdout.strip()

    def status(self):
        said = json.loads(self.gauntlet("ps", "--json", check=False))
        return {c["name"]: c for c in said["components"]}

    def start(self, script, *flags, binary=BIN / "k6", **variables):
        return subprocess.Popen([binary, "run", "--quiet", *flags, self.project / "test/k6" / script], cwd=self.project,
                                env={**os.environ, **self.env, **variables}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, script, *flags, binary=BIN / "k6", **variables):
        process = self.start(script, *flags, binary=binary, **variables)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


@pytest.fixture(scope="module")
def stack():
    stack = Stack()
    yield stack
    stack.gauntlet("down")
    shutil.rmtree(stack.project, ignore_errors=True)


def acknowledged(points, method):
    """(acknowledged, other) calls of a gRPC method in a file of single samples."""
    good = bad = 0
    for line in points.read_text().splitlines():
        row = json.loads(line)
        if row["type"] == "Point" and row["metric"] == "grpc_req_duration" and method in row["data"]["tags"]["url"]:
            if row["data"]["tags"]["status"] == "0":
                good += 1
            else:
                bad += 1
    return good, bad


def login_goals(stack):
    """Ids of the seeded goals that logins move, from the fixture."""
    config = json.loads((stack.project / "test/fixtures/challenges.json").read_text())
    return [g["id"] for c in config["challenges"] for g in c["goals"] if g["event_source"] == "login" and g["default_assigned"]]


def login_progress(stack, goals):
    listed = ",".join(f"'{g}'" for g in goals)
    return int(stack.sql(f"SELECT coalesce(sum(progress), 0) FROM user_goal_progress WHERE goal_id IN ({listed})"))


def test_ps_shows_the_guides_four_names_up_and_healthy(stack):
    lines = stack.gauntlet("ps").splitlines()
    for name in ("challenge-postgres", "challenge-redis", "challenge-service", "challenge-event-handler"):
        assert any(re.match(rf"{name}\s+Up \(healthy\)", line) for line in lines), lines


def test_healthz_answers_as_the_guide_says(stack):
    with urllib.request.urlopen(stack.env["BASE_URL"] + "/healthz") as answer:
        assert answer.read() == b'{"status":"healthy"}'


def test_scenario_1_passes_and_its_result_answers_the_guides_jq(stack):
    stack.gauntlet("reset", "--completed", "0.2")
    result = stack.project / "test/results/level.json"
    code, output = stack.run("scenario1_api_load.js", "--out", f"json={result}", TARGET_RPS="60", DURATION="5s")
    assert code == 0, output
    expression = ('.metrics | {a: .http_req_duration.values."p(95)", b: .http_req_failed.values.rate, '
                  'c: .http_reqs.values.rate} | map(numbers) | length')
    assert subprocess.run(["jq", expression, result], capture_output=True, text=True).stdout.strip() == "3"
    assert int(stack.sql("SELECT count(*) FROM user_goal_progress WHERE status = 'claimed'")) > 0


def test_every_acknowledged_login_is_in_the_table_exactly_once(stack):
    stack.gauntlet("reset", "--completed", "0")
    goals = login_goals(stack)
    assert goals
    before = login_progress(stack, goals)
    points = stack.project / "test/results/points.ndjson"
    code, output = stack.run("scenario2_event_load.js", "--duration=5s", "--out", f"points={points}", TARGET_EPS="300", EVENT_VUS="50")
    assert code == 0, output
    logins, refused = acknowledged(points, "UserLoggedIn")
    assert logins > 100 and refused == 0
    assert login_progress(stack, goals) - before == logins * len(goals)


def test_nothing_acknowledged_is_lost_when_the_event_handler_is_killed(stack):
    stack.gauntlet("reset", "--completed", "0")
    goals = login_goals(stack)
    before = login_progress(stack, goals)
    points = stack.project / "test/results/killed.ndjson"
    load = stack.start("scenario2_event_load.js", "--duration=8s", "--out", f"points={points}", TARGET_EPS="300", EVENT_VUS="50")
    time.sleep(3)
    victim = stack.status()["challenge-event-handler"]["pid"]
    os.kill(victim, 9)
    deadline = time.monotonic() + 5
    while stack.status()["challenge-event-handler"]["pid"] in (victim, 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert stack.status()["challenge-event-handler"]["pid"] not in (victim, 0), "not back within 5 s"
    output, _ = load.communicate(timeout=60)
    assert load.returncode in (0, 99), output  # 99: the failures crossed the script's thresholds
    logins, refused = acknowledged(points, "UserLoggedIn")
    grown = login_progress(stack, goals) - before
    # What was not acknowledged may have been committed all the same; what was acknowledged must have been.
    assert logins * len(goals) <= grown <= (logins + refused) * len(goals)


def test_the_service_comes_back_after_kill_and_the_load_counts_the_failures(stack):
    result = stack.project / "test/results/service_killed.json"
    load = stack.start("scenario1_api_load.js", "--out", f"json={result}", TARGET_RPS="60", DURATION="8s")
    time.sleep(3)
    victim = stack.status()["challenge-service"]["pid"]
    os.kill(victim, 9)
    deadline = time.monotonic() + 5
    while stack.status()["challenge-service"]["pid"] in (victim, 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert stack.status()["challenge-service"]["pid"] not in (victim, 0), "not back within 5 s"
    output, _ = load.communicate(timeout=60)
    assert load.returncode in (0, 99), output
    metrics = json.loads(result.read_text())["metrics"]
    assert metrics["http_req_failed"]["values"]["passes"] > 0
    assert metrics["http_req_failed"]["values"]["rate"] < 0.9


@pytest.mark.parametrize("script, rates", [
    ("scenario1_api_load.js", {"TARGET_RPS": "10"}),
    ("scenario2_event_load.js", {"TARGET_EPS": "50", "EVENT_VUS": "10"}),
    ("scenario3_combined.js", {"TARGET_RPS": "5", "TARGET_EPS": "50", "EVENT_VUS": "10"})])
def test_the_guides_scripts_run_on_k6_too(stack, script, rates):
    if given_k6() is None:
        pytest.skip("K6 names no k6")
    code, output = stack.run(script, "-a", "", "--no-usage-report", binary=given_k6(), DURATION="5s", **rates)
    assert code == 0, output


def test_scenario_3_runs_both_loads_at_once(stack):
    stack.gauntlet("reset")
    result = stack.project / "test/results/combined.json"
    code, output = stack.run("scenario3_combined.js", "--out", f"json={result}", TARGET_RPS="30", TARGET_EPS="200",
                             EVENT_VUS="50", DURATION="5s")
    assert code == 0, output
    metrics = json.loads(result.read_text())["metrics"]
    assert metrics["http_reqs"]["values"]["count"] >= 140 and metrics["grpc_req_duration"]["values"]["p(95)"] > 0


def test_a_cpu_profile_under_load_names_our_functions(stack):
    if shutil.which("go") is None:
        pytest.skip("no Go toolchain, so no go tool pprof")
    load = stack.start("scenario1_api_load.js", TARGET_RPS="1500", DURATION="60s")
    try:
        for _ in range(4):  # the first may be over before a busy machine has started all virtual users
            profile = subprocess.run(["go", "tool", "pprof", "-top", stack.env["SERVICE_METRICS_URL"] + "/debug/pprof/profile?seconds=3"],
                                     capture_output=True, text=True, timeout=60, cwd=stack.project,
                                     env={**os.environ, "PPROF_TMPDIR": str(stack.project)})
            if "gauntlet::" in profile.stdout:
                break
    finally:
        load.send_signal(signal.SIGINT)
        load.communicate(timeout=60)
    assert re.search(r"gauntlet::base::EventLoop::run_once\b", profile.stdout), profile.stdout + profile.stderr
