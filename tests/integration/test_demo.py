"""`gauntlet demo` in a project of its own: the table it promises, and what Ctrl-C leaves behind."""
import re
import shutil
import signal
import subprocess
import time

import pytest

from test_stack import ROOT, Project, is_alive, wait_for

pytestmark = pytest.mark.alone


@pytest.fixture
def project():
    project = Project()
    for part in ("proto", "test/k6"):
        shutil.copytree(ROOT / part, project.root / part)
    (project.root / "test/results").mkdir()
    yield project
    project.remove()


def children_of(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(child) for child in listed.split()]


def test_demo_shows_one_table_and_leaves_the_stack_up(project):
    said = project.run("demo", "--seconds", "5")
    rows = [line for line in said.splitlines() if re.search(r"\d+ (RPS|EPS) ", line) and not line.startswith("scenario ")]
    assert [row.split()[0] for row in rows[:3]] == ["1", "2", "3"] and len(rows) == 4, said
    for row in rows:
        target, achieved = re.search(r"(\d+) (?:RPS|EPS)\s+(\d+)", row).groups()
        assert int(achieved) >= 0.9 * int(target), row
        assert "0.00 %" in row, row
    assert (project.root / "test/results/demo.txt").read_text().splitlines()[2:] == rows
    assert (project.root / "test/results/scenario3/demo.json").exists()
    assert project.all_healthy()
    for scenario in (1, 2, 3):
        assert "Evidence" in project.run("explain", project.root / f"test/results/scenario{scenario}/demo.json")


def test_interrupting_a_demo_leaves_nothing_running(project):
    demo = subprocess.Popen(project.command("demo", "--seconds", "60"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in demo.stdout:
        if line.startswith("scenario 1: 60 s"):
            break
    assert wait_for(lambda: children_of(demo.pid), 10)
    time.sleep(0.5)
    engine = children_of(demo.pid)
    servers = [*project.pids().values(), project.status()["supervisor"]]
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130
    assert not any(is_alive(pid) for pid in engine + servers)
