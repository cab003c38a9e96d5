"""Bottlenecks made on a live stack: `gauntlet explain` names the right one or says "unclear", never another.

Other programs on the machine may starve the generator during a test; the verdict then may be that, with those programs
in its evidence. `pytest -s tests/integration/test_bottlenecks.py` prints the table of docs/LAB.md.
"""
import contextlib
import json
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from lab_project import control_group, lock_held
from test_stack import BIN, wait_for

SECONDS = 4


@contextlib.contextmanager
def service_with(lab, **settings):
    lab.run("restart", "challenge-service", *[word for name, value in settings.items() for word in ("--env", f"{name}={value}")])
    try:
        yield
    finally:
        lab.run("restart", "challenge-service")


def quota_on(name):
    @contextlib.contextmanager
    def inject(lab):
        with control_group("cpu", cpu_max="1000 100000") as procs:
            procs.write_text(str(lab.pids()[name]))
            yield {}
    return inject


@contextlib.contextmanager
def slow_fsync(lab):
    if shutil.which("strace") is None:
        pytest.skip("strace delays the disk here (scripts/install-deps)")
    postmaster = lab.pids()["challenge-postgres"]
    children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True).stdout.split()
    delay = subprocess.Popen(["strace", "-qq", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=20000",
                              *[word for pid in [str(postmaster), *children] for word in ("-p", pid)]], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    if delay.poll() is not None:
        pytest.skip("strace is not permitted to attach: " + delay.stderr.read())
    try:
        yield {}
    finally:
        delay.send_signal(signal.SIGINT)
        delay.wait(20)


@contextlib.contextmanager
def pool_of_two(lab):
    with service_with(lab, DB_MAX_OPEN_CONNS=2):
        yield {"TARGET_RPS": "400"}


@contextlib.contextmanager
def progress_locked(lab):
    with lock_held(lab, SECONDS + 3):
        yield {}


@contextlib.contextmanager
def slow_platform(lab):
    with service_with(lab, MOCK_AGS="true", MOCK_AGS_LATENCY_MIN_MS=2000, MOCK_AGS_LATENCY_MAX_MS=2000):
        yield {"TARGET_EPS": "50"}


@contextlib.contextmanager
def starved_generator(lab):
    with control_group("cpu", cpu_max="4000 100000") as procs:
        yield {"generator_group": procs}


@contextlib.contextmanager
def little_memory(lab):
    pid = lab.pids()["challenge-service"]
    resident = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024
    with control_group("memory", memory_max=str(resident + 1_000_000)) as procs:
        procs.write_text(str(pid))
        yield {}


INJECTIONS = {
    "nothing": ("unclear", contextlib.nullcontext),
    "challenge-service at 1 % of a core": ("service CPU", quota_on("challenge-service")),
    "challenge-event-handler at 1 % of a core": ("handler CPU", quota_on("challenge-event-handler")),
    "20 ms for each fdatasync of the database": ("database I/O or fsync", slow_fsync),
    "DB_MAX_OPEN_CONNS=2": ("connection pool", pool_of_two),
    "the progress table locked": ("locks", progress_locked),
    "the platform at 2 s a grant": ("external dependency (AGS)", slow_platform),
    "the generator at 4 % of a core": ("generator", starved_generator),
    "1 MB of memory left for challenge-service": ("memory pressure", little_memory),
}


def load(lab, result, variables):
    """The guide's combined scenario beside a monitor."""
    group = variables.pop("generator_group", None)
    environment = {**lab.environment(), **dict(re.findall(r"export (\w+)='([^']*)'", lab.run("env"))), "TARGET_RPS": "100", "TARGET_EPS": "200",
                   "DURATION": f"{SECONDS}s", "EVENT_VUS": "50", **variables}
    watch = subprocess.Popen(lab.command("watch", "--quiet", "--out", result.with_suffix(".monitor"), "--duration", "60"), stdin=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: (result.with_suffix(".monitor") / "process.csv").exists(), 20)
        run = subprocess.Popen([BIN / "gauntlet", "run", "--quiet", "--out", f"json={result}", "test/k6/scenario3_combined.js"], cwd=lab.root, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if group:
            group.write_text(str(run.pid))
        run.wait(120)
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait(30)


@pytest.mark.parametrize("what", INJECTIONS)
def test_a_bottleneck_is_named_or_called_unclear(lab, what, request):
    expected, inject = INJECTIONS[what]
    lab.run("reset")
    result = lab.root / "test/results" / f"injection_{list(INJECTIONS).index(what)}.json"
    with inject(lab) if inject is not contextlib.nullcontext else contextlib.nullcontext({}) as variables:
        load(lab, result, dict(variables))
    verdict = json.loads(lab.run("explain", "--json", result))
    said = verdict["cause"]["bottleneck"]
    print(f"\n| {what} | {said} ({verdict['cause']['strength']:.2f}){', held' if verdict['held'] else ''} | {verdict['cause']['evidence'][0]} |")
    starved = said == "generator" and any("not part of the test" in line for line in verdict["cause"]["evidence"])
    assert said in (expected, "unclear") or starved or (verdict["held"] and expected == "unclear"), json.dumps(verdict, indent=1)
    assert wait_for(lab.all_healthy, 60)
