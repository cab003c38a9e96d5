"""One test by several processes: `gauntlet run --processes`, `--segment`, `merge` and `compare`."""
import json
import os
import re
import signal
import subprocess

import pytest

from test_stack import ROOT, wait_for

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"

SPLIT = """
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
const numbers = new Counter('sum_of_numbers');
const trend = new Trend('number');
export const options = { vus: 6, iterations: 3000, thresholds: { number: ['count==3000', 'max==2999'], 'sum_of_numbers{half:low}': ['count>0'] } };
export function setup() { console.log('setup ran'); return { base: 1 }; }
export default function (data) {
  const n = exec.scenario.iterationInTest;
  numbers.add(n * data.base, { half: n < 1500 ? 'low' : 'high' });
  trend.add(n);
}
export function teardown(data) { console.log('teardown ran', data.base); }
"""
SUM = 3000 * 2999 // 2

LOOP = """
import exec from 'k6/execution';
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'constant-vus', vus: 4, duration: '30s' } } };
export function setup() { if (__ENV.SETUP_FAILS) throw new Error('not today'); }
export default function () { console.log('looping'); sleep(0.1); if (__ENV.ABORT && exec.vu.idInTest === 3) exec.test.abort('enough'); }
export function teardown() { console.log('teardown ran'); }
"""


def run(tmp_path, script, *flags, timeout=60):
    (tmp_path / "script.js").write_text(script)
    return subprocess.run([GAUNTLET, "run", "-q", "--no-color", *flags, "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_any_number_of_processes_makes_every_iteration_once_and_reports_the_sum(tmp_path, processes):
    ran = run(tmp_path, SPLIT, "--processes", str(processes), "--out", "json=sum.json")
    # k6 has no count in thresholds of trends, and says so before anything runs.
    assert ran.returncode == 104
    script = SPLIT.replace("'count==3000', ", "")
    ran = run(tmp_path, script, "--processes", str(processes), "--out", "json=sum.json", "--summary-trend-stats", "count,min,max,med,p(99)")
    assert ran.returncode == 0, ran.stderr
    metrics = json.loads((tmp_path / "sum.json").read_text())["metrics"]
    assert metrics["sum_of_numbers"]["values"]["count"] == SUM
    assert metrics["number"]["values"] == {"count": 3000, "min": 0, "max": 2999, "med": 1499.5, "p(99)": pytest.approx(2969.01)}
    assert metrics["sum_of_numbers{half:low}"]["values"]["count"] == 1500 * 1499 // 2
    assert ran.stderr.count("setup ran") == 1
    assert ran.stderr.count("teardown ran 1") == 1


def test_segments_run_apart_merge_into_the_whole(tmp_path):
    script = SPLIT.replace("'count==3000', 'max==2999'", "'max==2999'").replace(", 'sum_of_numbers{half:low}': ['count>0']", "")
    for part in (1, 2, 3):
        ran = run(tmp_path, script, "--segment", f"{part}/3", "--no-thresholds", "--out", f"json=part{part}.json")
        assert ran.returncode == 0, ran.stderr
    merged = subprocess.run([GAUNTLET, "merge", "part1.json", "part2.json", "part3.json", "--out", "sum.json"], cwd=tmp_path,
                            capture_output=True, text=True, timeout=30)
    assert merged.returncode == 0, merged.stderr
    results = json.loads((tmp_path / "sum.json").read_text())
    assert results["metrics"]["sum_of_numbers"]["values"]["count"] == SUM
    assert results["metrics"]["number"]["values"]["med"] == 1499.5
    assert "sum_of_numbers" in merged.stdout
    # A sum can be added to again.
    again = subprocess.run([GAUNTLET, "merge", "sum.json"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert again.returncode == 0 and again.stdout == merged.stdout


def test_a_threshold_is_judged_on_the_sum(tmp_path):
    script = SPLIT.replace("'count==3000', 'max==2999'", "'max<2999'")
    ran = run(tmp_path, script, "--processes", "2")
    assert ran.returncode == 99
    assert ran.stderr.count("thresholds on metrics 'number' have been crossed") == 1, ran.stderr


def test_an_abort_in_one_process_ends_all_with_teardown_and_summary(tmp_path):
    ran = run(tmp_path, LOOP, "--processes", "3", "-e", "ABORT=1", timeout=25)
    assert ran.returncode == 108
    assert "enough" in ran.stderr and ran.stderr.count("teardown ran") == 1, ran.stderr
    assert "iterations" in ran.stdout


def test_a_failing_setup_starts_no_iteration_in_any_process(tmp_path):
    ran = run(tmp_path, LOOP, "--processes", "3", "-e", "SETUP_FAILS=1", timeout=25)
    assert ran.returncode == 107
    assert "not today" in ran.stderr and "looping" not in ran.stderr and "teardown ran" not in ran.stderr


def members_of(leader):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(leader.pid)], capture_output=True, text=True).stdout
    return [int(pid) for pid in listed.split()]


@pytest.fixture
def looping(tmp_path):
    (tmp_path / "script.js").write_text(LOOP)
    log = (tmp_path / "log").open("w+")
    leader = subprocess.Popen([GAUNTLET, "run", "-q", "--processes", "3", "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=log)
    leader.log = tmp_path / "log"
    assert wait_for(lambda: leader.log.read_text().count("looping") > 3, 20)
    members = members_of(leader)
    yield leader, members
    for pid in [leader.pid, *members]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    leader.wait(5)
    log.close()


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"


def test_ctrl_c_ends_all_processes_after_teardown(looping):
    leader, members = looping
    leader.send_signal(signal.SIGINT)
    assert leader.wait(15) == 105
    assert all(gone(pid) for pid in members)
    assert leader.log.read_text().count("teardown ran") == 1


def test_a_process_that_dies_ends_the_test_and_is_named(looping):
    leader, members = looping
    os.kill(members[1], signal.SIGKILL)
    assert leader.wait(15) == 112
    assert "process 2 of 3 was lost" in leader.log.read_text() and "ended by signal 9" in leader.log.read_text()
    assert all(gone(pid) for pid in members)


def test_processes_do_not_outlive_a_killed_leader(looping):
    leader, members = looping
    leader.kill()
    assert wait_for(lambda: all(gone(pid) for pid in members), 10)


@pytest.mark.alone
def test_comparing_finds_what_was_made_slower_and_nothing_else(tmp_path):
    def results(name, milliseconds):
        script = f"""
            import {{ sleep }} from 'k6';
            export const options = {{ scenarios: {{ a: {{ executor: 'constant-arrival-rate', rate: 50, duration: '7s', preAllocatedVUs: 20 }} }} }};
            export default function () {{ sleep({milliseconds} / 1000); }}
            """
        assert run(tmp_path, script, "--out", f"json={name}.json").returncode == 0

    results("a", 60)
    results("b", 90)
    compared = subprocess.run([GAUNTLET, "compare", "a.json", "b.json", "--fail-on-worse"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert compared.returncode == 99, compared.stderr
    rows = {line[:38].strip(): line for line in compared.stdout.splitlines()}
    assert "worse" in rows["iteration_duration p(50)"], compared.stdout
    assert "worse" not in rows["iterations per s"] and "better" not in rows["iterations per s"], compared.stdout
    page = tmp_path / "compared.html"
    subprocess.run([GAUNTLET, "compare", "a.json", "b.json", "--html", page], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    said = page.read_text()
    assert re.search(r'<th scope="row">iteration_duration p\(50\)</th>.*<td>worse</td></tr>', said) and not re.search(r'(src|href)="(?!#|data:)', said)
    same = subprocess.run([GAUNTLET, "compare", "a.json", "a.json", "--fail-on-worse"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert same.returncode == 0, same.stdout
    nothing = subprocess.run([GAUNTLET, "compare", "a.json", "missing.json"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert nothing.returncode == 3 and "missing.json" in nothing.stderr
