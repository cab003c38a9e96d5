"""What the lab says of results: limits, verdicts, documents, plans, the history of runs, and the doctor."""
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree as ElementTree

import pytest

from lab_project import control_group, lock_held, results_of, stepped_clock
from test_stack import NOT_HEALTHY, listener, wait_for


def doctor(lab, *flags, prefix=""):
    done = lab.shell(f"{prefix} gauntlet doctor {' '.join(flags)}")
    found = {}
    for line in done.stdout.splitlines():
        match = re.match(r"(ok     |warning|problem) (.{19}) (.*)", line)
        if match:
            found.setdefault(match[2].strip(), []).append((match[1].strip(), match[3]))
    return done.returncode, found, done.stdout


def problem_of(found, subject):
    return next((what for level, what in found.get(subject, []) if level == "problem"), None)


def test_documents_are_filled_from_results(campaign, lab):
    baseline = (lab.root / "docs/PERFORMANCE_BASELINE.md").read_text()
    assert "| 50 RPS | held |" in baseline and "| 100 EPS | held |" in baseline and "| 50 RPS + 100 EPS | held |" in baseline
    assert "| none of the levels | none reached" in baseline, "a system that held everything has no bottleneck"
    for part in ("| commits | ", "CPU of challenge-service at 50rps_100eps", "tagged events, from sending"):
        assert part in baseline, part
    capacity = (lab.root / "docs/CAPACITY_PLANNING.md").read_text()
    assert "| 10000000 |" in capacity and "Assumed, not measured" in capacity and "GB |" in capacity
    assert "p95 below 2 s" in (lab.root / "docs/TECH_SPEC_M2.md").read_text()
    report = json.loads((results_of(lab) / "report.json").read_text())
    assert [level["level"] for level in report["levels"]][:3] == ["50rps", "100eps", "50rps_100eps"]
    assert report["event_to_visibility_ms"]["p50"] > 0
    page = (results_of(lab) / "report.html").read_text()
    assert page.count('<svg class="chart"') == 0, "one level a scenario is no curve"
    for part in ('<section id="summary">', "Flame graph: CPU of challenge-service at 50rps_100eps", "data:image/svg+xml;base64,", "Slowest statements"):
        assert part in page, part
    assert not re.search(r'(src|href)="(?!#|data:)', page), "it needs nothing else"
    suite = ElementTree.parse(results_of(lab) / "report.xml").getroot()
    assert len(suite.findall("testcase")) == int(suite.get("tests")) == 5


def test_a_plan_names_its_assumptions_and_its_reach(campaign, lab):
    said = lab.run("plan", "--dau", "10000000", "--headroom", "2x")
    assert "assumed   10000000 players" in said and "extrapolated" in said and "replicas of challenge-service" in said
    assert lab.call("plan", "--dau", "1000", "--headroom", "half").returncode == 3


def test_a_result_is_explained(campaign, lab):
    result = lab.root / "test/results/scenario1/level_50rps.json"
    said = lab.run("explain", result)
    assert "Evidence" in said and "The level held" in said
    assert json.loads(lab.run("explain", "--json", result))["held"] is True
    missing = lab.call("explain", lab.root / "test/results/nothing.json")
    assert missing.returncode == 3 and "nothing.json" in missing.stderr


def test_runs_are_remembered_until_removed(campaign, lab):
    listed = lab.run("runs", "ls").splitlines()
    assert len(listed) >= 4 and "campaign" in listed[1]
    number = listed[1].split()[0]
    compared = lab.call("compare", number, number, "--html", lab.root / "compared.html")
    # Runs of three seconds are too short to be judged: what is said names the files, which the numbers stood for.
    assert compared.returncode != 0 and "run it longer" in compared.stderr, compared.stderr
    assert "no run of that number" in lab.call("compare", "987654", number).stderr
    assert "result " in lab.run("runs", "show", number)
    lab.run("runs", "rm", number)
    assert lab.call("runs", "show", number).returncode == 3


def test_a_limit_search_answers_with_what_its_time_allowed(lab):
    # Within this range the system holds everything, whatever else runs on the machine.
    said = lab.run("limit", lab.root / "test/k6/scenario1_api_load.js", "--over", "TARGET_RPS=2..8", "--window", "5", "--budget", "10")
    report = json.loads((results_of(lab) / "limit/scenario1_api_load/limit.json").read_text())
    assert report["refused"] == "" and all(trial["probability_of_holding"] > 0.5 for trial in report["trials"])
    assert report["confirmed"] is not None and report["interval"][1] > 8
    assert "The time ran out" in said and "Confirmed by a run" in said
    folder = results_of(lab) / "limit/scenario1_api_load"
    assert list(folder.glob("cpu_*.txt")) and list(folder.glob("*.monitor/monitor.sqlite"))
    assert lab.call("limit", "script.js", "--over", "TARGET_RPS=9").returncode == 3
    misspelt = lab.call("limit", lab.root / "test/k6/scenario1_api_load.js", "--over", "TARGET_RSP=2..8")
    assert misspelt.returncode == 3 and "--over TARGET_RSP: neither scenario1_api_load.js nor what it imports mentions" in misspelt.stderr


def test_a_pair_of_runs_is_judged_and_the_setting_taken_back(lab):
    said = lab.run("ab", lab.root / "test/k6/scenario1_api_load.js", "--change", "DB_MAX_OPEN_CONNS=7", "-e", "TARGET_RPS=20", "--seconds", "2", "--pairs", "2")
    assert "p95 latency" in said and "judgement" in said
    assert json.loads((lab.root / "test/results/ab/DB_MAX_OPEN_CONNS=7.json").read_text())["change"] == "DB_MAX_OPEN_CONNS=7"
    assert "DB_MAX_OPEN_CONNS" not in (lab.state / "plan.json").read_text()
    assert lab.all_healthy()


def test_the_doctor_finds_nothing_wrong_with_a_stack_that_is_well(lab):
    lab.run("reset")
    _, found, said = doctor(lab)
    for subject in ("installed", "built", "services", "ports", "fixtures", "configuration", "connections", "pg_stat_statements", "goals", "flushes", "disk"):
        assert [level for level, _ in found[subject]] == ["ok"], said


def test_the_doctor_finds_and_repairs_missing_fixtures_and_wrong_configuration(lab):
    kept = lab.root / "kept"
    shutil.copytree(lab.root / "test/fixtures", kept)
    try:
        (lab.root / "test/fixtures/users.json").unlink()
        _, found, _ = doctor(lab)
        assert "users.json" in problem_of(found, "fixtures")
        _, found, said = doctor(lab, "--fix")
        assert "repaired" in said and (lab.root / "test/fixtures/users.json").exists()
        # The fixtures made anew are larger ones, which the services have not read.
        assert problem_of(found, "configuration") or "repaired" in said
        code, found, _ = doctor(lab)
        assert problem_of(found, "fixtures") is None and problem_of(found, "configuration") is None
    finally:
        shutil.rmtree(lab.root / "test/fixtures")
        kept.rename(lab.root / "test/fixtures")
        for service in ("extend-challenge-service", "extend-challenge-event-handler"):
            shutil.copy(lab.root / "test/fixtures/challenges.json", lab.root / service / "config/challenges.json")
        lab.run("restart")
        lab.run("reset")


def test_the_doctor_finds_and_repairs_a_missing_extension(lab):
    lab.sql("DROP EXTENSION pg_stat_statements")
    code, found, _ = doctor(lab)
    assert code == NOT_HEALTHY and problem_of(found, "pg_stat_statements")
    doctor(lab, "--fix")
    assert lab.sql("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'") == "1"


def test_the_doctor_finds_players_without_goals(lab):
    lab.run("reset", "--no-seed")
    _, found, _ = doctor(lab)
    assert "no player has an active goal" in problem_of(found, "goals")
    lab.run("reset")


def test_the_doctor_finds_a_database_full_of_connections(lab):
    held = [subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], env={**os.environ, **pg_environment(lab)}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(82)]
    try:
        assert wait_for(lambda: int(lab.sql("SELECT count(*) FROM pg_stat_activity")) > 82, 30)
        _, found, _ = doctor(lab)
        assert "connections are taken" in problem_of(found, "connections")
    finally:
        for process in held:
            process.stdin.close()
        for process in held:
            process.wait(10)


def pg_environment(lab):
    return dict(re.findall(r"export (PG\w+)='([^']*)'", lab.run("env")))


def test_the_doctor_names_who_has_the_dashboards_port(lab):
    with listener() as port:
        _, found, _ = doctor(lab, prefix=f"K6_WEB_DASHBOARD_PORT={port}")
        assert "python" in problem_of(found, "dashboard port")


def test_the_doctor_finds_a_low_descriptor_limit_and_a_full_disk(lab):
    _, found, _ = doctor(lab, "--disk-gb", "1000000", prefix="ulimit -n 1000;")
    assert "1000 open files" in problem_of(found, "ulimit")
    assert "free at" in problem_of(found, "disk")


def test_the_doctor_finds_a_service_that_does_not_answer(lab):
    pid = lab.pids()["challenge-event-handler"]
    os.kill(pid, 19)
    try:
        _, found, _ = doctor(lab)
        assert "does not answer" in problem_of(found, "flushes")
    finally:
        os.kill(pid, 18)


def test_the_doctor_finds_events_that_wait_and_are_not_flushed(lab):
    with lock_held(lab):
        sender = subprocess.Popen(["bash", "-c", 'eval "$(gauntlet env)"; DURATION=6s TARGET_EPS=20 EVENT_VUS=20 gauntlet run --quiet test/k6/scenario2_event_load.js'], cwd=lab.root,
                                  env=lab.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert wait_for(lambda: "no flush ended" in (problem_of(doctor(lab)[1], "flushes") or ""), 20)
        finally:
            sender.terminate()
    sender.wait(60)
    lab.run("reset")


def test_the_doctor_finds_programs_that_use_the_machine(lab):
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())]
    try:
        _, found, _ = doctor(lab)
        assert "not of the stack use" in problem_of(found, "neighbours")
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_the_doctor_finds_a_stack_that_a_cpu_quota_holds_back(lab):
    with control_group("cpu", cpu_max="5000 100000") as procs:
        busy = subprocess.Popen(["sh", "-c", "while :; do :; done"])
        try:
            for pid in (lab.pids()["challenge-service"], busy.pid):
                procs.write_text(str(pid))
            _, found, said = doctor(lab)
            assert any("a CPU quota holds the stack back" in what for _, what in found["throttling"]), said
        finally:
            busy.kill()
            busy.wait()


def with_mounts(*mounts):
    """A prefix for a command whose mounts are its own: what it finds missing or full is so for it alone."""
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode != 0:
        pytest.skip("mounts are not ours to make here")
    return "unshare -m sh -c '" + " && ".join(f"mount {mount}" for mount in mounts) + ' && exec "$@"\' _'


@pytest.mark.parametrize("mount, missing", [("--bind /dev/null /usr/bin/redis-server", "redis-server is missing"),
                                            ("-t tmpfs none /usr/lib/postgresql/15/bin", "PostgreSQL 15 is not installed")], ids=["redis", "postgresql"])
def test_the_doctor_finds_missing_packages(lab, mount, missing):
    code, found, said = doctor(lab, prefix=with_mounts(mount))
    assert code == NOT_HEALTHY and missing in problem_of(found, "installed"), said
    assert "scripts/install-deps" in said


def test_the_doctor_finds_a_disk_that_is_full(lab):
    small = lab.root / "small"
    small.mkdir()
    prefix = f"GAUNTLET_STATE_DIR={small} " + with_mounts(f"-t tmpfs -o size=64m none {small}")
    code, found, said = doctor(lab, prefix=prefix)
    assert code == NOT_HEALTHY and re.match(r"0\.1 GB free at ", problem_of(found, "disk")), said


def test_the_doctor_finds_cpu_that_the_hypervisor_takes(lab, tmp_path):
    """/proc/stat of a machine of two cores one half of which goes to its neighbours."""
    ticks, stat = 100 * 2 / 20, tmp_path / "stat"

    def write(step):
        spent = {"user": 0.1, "nice": 0, "system": 0.1, "idle": 0.3, "iowait": 0, "irq": 0, "softirq": 0, "steal": 0.5}
        with open(stat, "r+" if stat.exists() else "w") as file:  # in place, in fields of one width: never half written
            file.write("cpu  " + " ".join(f"{int(100000 + share * ticks * step):010d}" for share in spent.values()) + "\n")

    write(0)
    over = threading.Event()
    clock = threading.Thread(target=lambda: [write(step) for step in itertools.takewhile(lambda _: not over.wait(0.05), itertools.count(1))])
    clock.start()
    try:
        _, found, said = doctor(lab, prefix=with_mounts(f"--bind {stat} /proc/stat"))
    finally:
        over.set()
        clock.join()
    assert any("the hypervisor takes" in what for _, what in found["throttling"]), said
    assert problem_of(found, "neighbours") is None, "what is stolen is used by nobody here"


def test_the_doctor_finds_a_clock_that_is_slow_to_read(lab, tmp_path):
    (tmp_path / "source").write_text("hpet\n")
    _, found, said = doctor(lab, prefix=with_mounts(f"--bind {tmp_path}/source /sys/devices/system/clocksource/clocksource0/current_clocksource"))
    assert found["clock"] == [("warning", "the kernel's clock is hpet, which is slow to read")], said


def test_the_doctor_finds_clocks_that_are_apart_and_one_that_is_stepped(lab, tmp_path):
    with stepped_clock(tmp_path) as (environment, step):
        step(40)
        _, found, said = doctor(lab, prefix=environment)
        assert re.match(r"the database's clock is (39|40)\.\d s apart", problem_of(found, "clock")), said
        said = []
        for delay in (0.5, 1, 1.5, 2, 3):  # the doctor looks for two seconds, from when a busy machine has started it
            step(0)
            timer = threading.Timer(delay, step, [3])
            timer.start()
            said.append(doctor(lab, prefix=environment)[2])
            timer.join()
            if "was stepped by +3.00 s" in said[-1]:
                return
        raise AssertionError("\n".join(said))


def test_the_doctor_finds_a_stack_that_is_down_and_who_has_its_ports_and_starts_it(lab):
    lab.run("down")
    try:
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):  # somebody else has it already
                held.enter_context(listener(8000))
            code, found, said = doctor(lab)
            assert code == NOT_HEALTHY and problem_of(found, "services") == "the stack is down"
            assert any(re.search(r"port 8000 \(http\) is taken by (pid|a process)", what) for _, what in found["ports"]), said
            _, _, said = doctor(lab, "--fix")
            assert re.search(r"problem services +the stack is down\n(.*\n)*? +repaired", said), said
            assert lab.all_healthy()
        code, found, said = doctor(lab)
        assert {level for level, _ in found["services"] + found["ports"]} == {"ok"}, said
    finally:
        lab.up()
