"""One stack and one campaign for all tests of the lab: they cost more than most of the tests."""
import signal
import subprocess

import pytest

from lab_project import journal_of, lab_stack, results_of
from test_demo import children_of
from test_stack import wait_for

SMALL = ("campaign", "--quick", "--seconds", "3", "--max-rps", "50", "--max-eps", "100")


@pytest.fixture(scope="session")
def lab():
    """A project of the tests' own whose stack is up; tests leave it so."""
    with lab_stack() as project:
        yield project


@pytest.fixture(scope="session")
def campaign(lab):
    """Scenarios 1 to 3 at their lowest levels: interrupted in the second level, then resumed. And then scenarios 4 and 5."""
    first = subprocess.Popen(lab.command(*SMALL), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in first.stdout:
        if "scenario 2" in line:
            break
    assert wait_for(lambda: len(children_of(first.pid)) == 2, 60)  # the monitor and the engine
    children = children_of(first.pid)
    first.send_signal(signal.SIGINT)
    said = first.stdout.read()
    code = first.wait(60)
    leftover = sorted(str(p.relative_to(results_of(lab))) for p in results_of(lab).glob("scenario2/*"))
    finished = journal_of(lab)["levels"]
    resumed = lab.run(*SMALL, "--resume")
    levels = journal_of(lab)["levels"]
    for scenario in ("4", "5"):
        lab.run("campaign", "--quick", "--seconds", "3", "--scenario", scenario)
    return {"code": code, "said": said, "children": children, "leftover": leftover, "finished": finished, "resumed": resumed, "levels": levels}
