"""A project of a test's own with the guide's tree in it, and its stack up: what the lab's tests work on."""
import contextlib
import json
import os
import shutil
import subprocess

from test_stack import BIN, ROOT, Project


MAX_CONNECTIONS = 100


class LabProject(Project):
    """As the checkout: test/, proto/ and small fixtures, which both services read."""

    def __init__(self):
        super().__init__()
        for part in ("proto", "test/k6", "test/scripts"):
            shutil.copytree(ROOT / part, self.root / part)
        for folder in ("test/results", "docs", "extend-challenge-service/config", "extend-challenge-event-handler/config"):
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
