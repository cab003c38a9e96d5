"""One stack and one campaign for all tests of the lab: they cost more than most of the tests."""
import json
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from lab_project import journal_of, lab_stack, results_of  # noqa: E402
from test_demo import children_of  # noqa: E402
from test_stack import wait_for  # noqa: E402

SMALL = ("campaign", "--quick", "--seconds", "3", "--max-rps", "50", "--max-eps", "100")


@pytest.fixture(scope="session")
def lab():
    """A project of the tests' own whose stack is up; tests leave it so."""
    with lab_stack() as project:
        yield project


def interrupt(lab, command, announced, moment):
    """Ctrl-C once the campaign has announced this and the moment has come: what it left behind."""
    run = subprocess.Popen(lab.command(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in run.stdout:
        if announced in line:
            break
    assert wait_for(lambda: moment(run.pid), 60)
    children = children_of(run.pid)
    run.send_signal(signal.SIGINT)
    said = run.stdout.read()
    code = run.wait(60)
    results = results_of(lab)
    folder = results / announced.replace(" ", "")
    return {"code": code, "said": said, "children": children, "finished": journal_of(lab)["levels"],
            "leftover": sorted(str(p.relative_to(results)) for p in folder.glob("*")),
            "half_written": [str(p) for p in results.rglob("*.json") if not is_json(p)]}


def is_json(file):
    try:
        json.loads(file.read_text())
        return True
    except ValueError:
        return False


@pytest.fixture(scope="session")
def campaign(lab):
    """Scenarios 1 to 3 at their lowest levels: interrupted at several moments, then resumed. And then scenarios 4 and 5."""
    shutil.rmtree(results_of(lab), ignore_errors=True)  # what the package brings has no such folder
    interrupted = [
        interrupt(lab, SMALL, "scenario 1", lambda pid: True),  # the database is being seeded, or the system comes to rest
        interrupt(lab, (*SMALL, "--resume"), "scenario 2", lambda pid: len(children_of(pid)) == 2),  # monitor and engine work
        interrupt(lab, (*SMALL, "--resume"), "scenario 3", lambda pid: len(children_of(pid)) == 3),  # and the profiler
    ]
    resumed = lab.run(*SMALL, "--resume")
    levels = journal_of(lab)["levels"]
    for scenario in ("4", "5"):
        lab.run("campaign", "--quick", "--seconds", "3", "--scenario", scenario)
    return {"interrupted": interrupted, "resumed": resumed, "levels": levels}
