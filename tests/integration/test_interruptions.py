"""Ctrl-C at any moment of a campaign: no process stays, no file is half written, and --resume finishes it.

The moments are drawn anew for each run of the tests and printed; GAUNTLET_SEED=N repeats them, GAUNTLET_MOMENTS=N draws more."""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import pytest

from lab_project import LabProject, journal_of, results_of
from test_stack import wait_for

MOMENTS = int(os.environ.get("GAUNTLET_MOMENTS", "5"))
LONGEST_S = 11  # beyond the start of the stack and the first level on a machine at work
CAMPAIGN = ("campaign", "--quick", "--seconds", "2", "--max-rps", "50", "--max-eps", "100")
INTERRUPTED = (130, -signal.SIGINT)  # the latter before the program has got as far as to notice
TEMPORARY = re.compile(r"\.[A-Za-z0-9]{6}$")  # of a file that is being written beside its place


@pytest.fixture
def down():
    """A project with fixtures whose stack is down."""
    project = LabProject()
    try:
        project.make_fixtures()
        yield project
    finally:
        project.remove()


def processes_of(project):
    """Everything that runs with the project's path in its arguments, its variables or as its folder."""
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if int(folder.name) != os.getpid() and (str(project.root).encode() in words + (folder / "environ").read_bytes() or str(project.root) in os.readlink(folder / "cwd")):
                found[int(folder.name)] = words.replace(b"\0", b" ").decode()
        except OSError:
            pass
    return found


def half_written(project):
    """Files that are not whole, or of a level that is not finished."""
    results = results_of(project)
    wrong = []
    finished = {level["result"] for level in journal_of(project)["levels"] if level["state"] != "skipped"} if (results / "campaign.json").exists() else set()
    for file in results.rglob("*"):
        name = str(file.relative_to(results))
        if file.is_dir():
            continue
        if TEMPORARY.search(name) and not name.endswith((".sqlite",)):
            wrong.append(name)
        if file.suffix == ".json":
            try:
                json.loads(file.read_text())
            except ValueError:
                wrong.append(name)
        level = re.match(r"(scenario\d/level_\w+)\.(json|log|monitor)", name)
        if level and level[1] + ".json" not in finished:
            wrong.append(name + " of no finished level")
    return wrong


def assert_all_ran(levels):
    """Whether the machine held them is not the matter here."""
    assert [level["scenario"] for level in levels] == [1, 2, 3]
    assert "skipped" not in {level["state"] for level in levels}


def test_ctrl_c_at_random_moments_and_resume(down):
    seed = int(os.environ.get("GAUNTLET_SEED", random.SystemRandom().randrange(10_000)))
    moments = [random.Random(seed).uniform(0, LONGEST_S) for _ in range(MOMENTS)]
    finished = 0
    for moment in moments:
        resume = ["--resume"] if (results_of(down) / "campaign.json").exists() else []
        run = subprocess.Popen(down.command(*CAMPAIGN, *resume), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(moment)
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=180)[0]
        about = f"GAUNTLET_SEED={seed}, Ctrl-C after {moment:.2f} s: exit code {run.returncode}\n{said}"
        print(about)
        assert run.returncode in (*INTERRUPTED, 0), about
        if run.returncode in INTERRUPTED:
            assert wait_for(lambda: not processes_of(down), 5), f"{processes_of(down)}\n{about}"
        assert half_written(down) == [], about
        if run.returncode == 0:
            break  # it was finished before
        levels = journal_of(down)["levels"] if (results_of(down) / "campaign.json").exists() else []
        assert len(levels) >= finished, "finished levels are kept\n" + about
        finished = len(levels)
    down.run(*CAMPAIGN, *(["--resume"] if (results_of(down) / "campaign.json").exists() else []))
    assert_all_ran(journal_of(down)["levels"])
    assert half_written(down) == []
    assert (down.root / "docs/PERFORMANCE_BASELINE.md").exists()


def test_a_campaign_that_was_killed_is_resumed(down):
    run = subprocess.Popen(down.command(*CAMPAIGN), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in run.stdout:
        if "scenario 2" in line:
            break
    assert wait_for(lambda: (results_of(down) / "scenario2/level_100eps.log").exists(), 60)
    run.kill()
    run.wait()
    before = journal_of(down)["levels"]
    assert [level["scenario"] for level in before] == [1]
    said = down.run(*CAMPAIGN, "--resume")
    levels = journal_of(down)["levels"]
    assert levels[0] == before[0] and "scenario 1: 50 RPS for" not in said
    assert_all_ran(levels)
    assert half_written(down) == []
