"""A project of a test's own with the guide's tree in it, and its stack up: what the lab's tests work on."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from test_stack import BIN, ROOT, Project, wait_for

CGROUPS = pathlib.Path("/sys/fs/cgroup")
VERSION_1 = (CGROUPS / "cpu").is_dir()
MAX_CONNECTIONS = 100


class LabProject(Project):
    """As the checkout: test/, proto/ and small fixtures, which both services read."""

    def __init__(self):
        super().__init__()
        for part in ("proto", "test/k6", "test/scripts"):
            shutil.copytree(ROOT / part, self.root / part)
        for folder in (*(f"test/results/scenario{number}" for number in range(1, 6)), "docs", "extend-challenge-service/config", "extend-challenge-event-handler/config"):
            (self.root / folder).mkdir(parents=True)
        # Few enough for a test to take most of them.
        settings = (self.root / ".env.example").read_text()
        (self.root / ".env").write_text(settings + f"\nPOSTGRES_MAX_CONNECTIONS={MAX_CONNECTIONS}\nPOSTGRES_SHARED_BUFFERS=128MB\n")

    def environment(self):
        return {**os.environ, "GAUNTLET": str(BIN / "gauntlet"), "GAUNTLET_PROJECT": str(self.root), "GAUNTLET_STATE_DIR": str(self.state),
                "PATH": f"{BIN}:{os.environ['PATH']}"}

    def make_fixtures(self, users=300, challenges=5, goals=10):
        self.run("fixtures", "--users", str(users), "--challenges", str(challenges), "--goals", str(goals), "--active", "5")
        for service in ("extend-challenge-service", "extend-challenge-event-handler"):
            shutil.copy(self.root / "test/fixtures/challenges.json", self.root / service / "config/challenges.json")

    def shell(self, command, timeout=120):
        return subprocess.run(["bash", "-c", command], cwd=self.root, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)


@contextlib.contextmanager
def lab_stack():
    project = LabProject()
    try:
        project.make_fixtures()
        project.up()
        project.run("reset")
        yield project
    finally:
        project.remove()


def results_of(lab):
    return lab.root / "test/results"


def journal_of(lab):
    return json.loads((results_of(lab) / "campaign.json").read_text())


@contextlib.contextmanager
def control_group(controller, **limits):
    """A group of its own with these limits (files' names as in version 2); skips the test where that is not permitted."""
    folder = (CGROUPS / controller if VERSION_1 else CGROUPS) / f"gauntlet-test-{os.getpid()}"
    try:
        folder.mkdir()
        if not VERSION_1:
            (CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
        for name, value in limits.items():
            if name == "cpu_max" and VERSION_1:
                quota, period = value.split()
                (folder / "cpu.cfs_period_us").write_text(period)
                (folder / "cpu.cfs_quota_us").write_text(quota)
            elif name == "memory_max" and VERSION_1:
                (folder / "memory.limit_in_bytes").write_text(value)
            else:
                (folder / name.replace("_", ".")).write_text(value)
    except OSError as problem:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"control groups are not ours to make here: {problem}")
    try:
        yield folder / "cgroup.procs"
    finally:
        root = (CGROUPS / controller if VERSION_1 else CGROUPS) / "cgroup.procs"
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                root.write_text(pid)
        assert wait_for(lambda: not (folder / "cgroup.procs").read_text(), 10)
        folder.rmdir()


@contextlib.contextmanager
def lock_held(lab, seconds=60):
    """Nobody can change progress for so long, and everybody can read it."""
    environment = {**os.environ, **dict(re.findall(r"export (PG\w+)='([^']*)'", lab.run("env")))}
    holder = subprocess.Popen(["psql", "-X", "-q", "-c", f"BEGIN; LOCK TABLE user_goal_progress IN EXCLUSIVE MODE; SELECT pg_sleep({seconds})"],
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: lab.sql("SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'user_goal_progress'::regclass AND granted") == "1")
        yield
    finally:
        lab.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()")
        holder.wait(20)


@contextlib.contextmanager
def stepped_clock(folder):
    """A prefix of variables for a program whose calendar runs ahead of the machine's, and a function that says by how many seconds."""
    library = next(ROOT.glob("build/release/**/libstepped-clock.so"))
    file = folder / "step"
    file.write_bytes(bytes(8))

    def step(seconds):
        with open(file, "r+b") as opened:
            opened.write(seconds.to_bytes(8, "little", signed=True))

    yield f"LD_PRELOAD={library} STEPPED_CLOCK={file}", step
