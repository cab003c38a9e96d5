"""A stack of the benchmark's own: its own folder, free ports, the guide's fixtures, 10,000 seeded players."""
import json
import re
import subprocess

from measure import BIN, RESULTS, ROOT, cpu_of_tree, run

GAUNTLET = BIN / "gauntlet"
STATE = ROOT / "build" / "bench-stack"
SERVICE, HANDLER, DATABASE, GENERATOR = "challenge-service", "challenge-event-handler", "challenge-postgres", "generator"


class Stack:
    def __init__(self, challenges=None, log_level="warn"):
        """`challenges`: how many challenges of 50 goals there are, each player getting 10 goals at once; None: the guide's
        fixtures as they are."""
        self.challenges = challenges
        self.log_level = log_level

    def __enter__(self):
        fixtures = ROOT / "test" / "fixtures" / "challenges.json"
        if self.challenges is not None:
            folder = ROOT / "build" / f"bench-fixtures-{self.challenges}"
            fixtures = folder / "challenges.json"
            self.gauntlet("fixtures", "challenges", "--challenges", str(self.challenges), "--active", "10", "--out", folder)
        elif not fixtures.exists():
            self.gauntlet("fixtures")
        self.gauntlet("up", "--auto-ports", "--env", f"LOG_LEVEL={self.log_level}", "--env", f"CHALLENGE_CONFIG_PATH={fixtures}",
                      "--env", f"CONFIG_PATH={fixtures}")
        self.env = dict(re.findall(r"^export (\w+)='(.*)'$", self.gauntlet("env"), re.MULTILINE))
        return self

    def __exit__(self, *_):
        self.gauntlet("down")

    def gauntlet(self, *arguments):
        done = subprocess.run([GAUNTLET, "--state-dir", STATE, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=180)
        if done.returncode != 0:
            raise SystemExit(f"bench: gauntlet {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def reset(self, *arguments):
        self.gauntlet("reset", *arguments)

    def pids(self):
        components = json.loads(self.gauntlet("ps", "--json"))
        components = components.get("components", components) if isinstance(components, dict) else components
        return {c["name"]: c["pid"] for c in components}

    def cpu(self):
        """CPU seconds so far of each part, the database with all its backends that have ended."""
        return {name: cpu_of_tree(pid) for name, pid in self.pids().items()}

    def scenario(self, script, seconds, **variables):
        """Runs a script of test/k6 on freshly seeded tables; returns how it ended, its metrics, and CPU ms an iteration by part, the
        generator among them."""
        self.reset()
        summary = RESULTS / "scenario.json"
        before = self.cpu()
        ended = run([BIN / "k6", "run", "--quiet", "--duration", f"{seconds}s", "--out", f"json={summary}", ROOT / "test/k6" / script],
                    env={**self.env, **variables}, check=False)
        after = self.cpu()
        metrics = {name: metric["values"] for name, metric in json.loads(summary.read_text())["metrics"].items()}
        iterations = metrics["iterations"]["count"]
        spent = {name: (after[name] - before[name]) * 1000 / iterations for name in after}
        return ended, metrics, {**spent, GENERATOR: ended.cpu * 1000 / iterations}

    def sql(self, statement):
        return self.gauntlet("exec-sql", statement)
