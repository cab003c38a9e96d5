"""Campaign, limit search and comparison of a system that is no stack of gauntlet's: services started by hand, of which a
gauntlet.toml says where they are and what may be watched of them."""
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import urllib.request

import pytest

from test_stack import BAD_INPUT, BIN, NO_ROOM_OR_RIGHT, Project, ROOT, wait_for

pytestmark = pytest.mark.alone


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def services(lab):
    """Both services as a person would start them, on ports of their own beside the stack's database."""
    plan = json.loads((lab.state / "plan.json").read_text())
    ports = {name: free_port() for name in ("http", "service_grpc", "service_metrics", "events_grpc", "events_metrics")}
    changed = {"challenge-service": {"HTTP_PORT": ports["http"], "GRPC_PORT": ports["service_grpc"], "METRICS_PORT": ports["service_metrics"]},
               "challenge-event-handler": {"GRPC_PORT": ports["events_grpc"], "METRICS_PORT": ports["events_metrics"]}}
    processes = {}
    try:
        for component in plan["components"]:
            if component["name"] not in changed:
                continue
            environment = {**component["environment"], **{name: str(port) for name, port in changed[component["name"]].items()}}
            with open(lab.root / f"by-hand-{component['name']}.log", "w") as log:
                processes[component["name"]] = subprocess.Popen([BIN / component["name"]], cwd=component["directory"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for name in ("service_metrics", "events_metrics"):
            assert wait_for(lambda: answers(f"http://127.0.0.1:{ports[name]}/metrics")), name
        yield ports, {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(30)


class Checkout(Project):
    """A checkout without a stack: scripts, fixtures and a gauntlet.toml."""

    def __init__(self, lab):
        super().__init__()
        for part in ("proto", "test/k6", "test/scripts"):
            shutil.copytree(ROOT / part, self.root / part)
        shutil.copytree(lab.root / "test/fixtures", self.root / "test/fixtures")
        (self.root / "docs").mkdir()

    def describe(self, **targets):
        text = "".join(f"[targets.{name}]\n{lines}\n" for name, lines in targets.items())
        (self.root / "gauntlet.toml").write_text(text)


@pytest.fixture(scope="module")
def checkout(lab, services):
    ports, pids = services
    pg = dict(re.findall(r"export (PG\w+)='([^']*)'", lab.run("env")))
    seen = f"""
base_url = "http://127.0.0.1:{ports['http']}/challenge"
grpc = "127.0.0.1:{ports['events_grpc']}"
reset = "echo reset >>resets"
database = "host={pg['PGHOST']} port={pg['PGPORT']} user={pg['PGUSER']} password={pg['PGPASSWORD']} dbname={pg['PGDATABASE']}"
processes = {{ challenge-service = {pids['challenge-service']}, challenge-event-handler = {pids['challenge-event-handler']} }}
metrics = {{ challenge-service = "http://127.0.0.1:{ports['service_metrics']}/metrics", challenge-event-handler = "http://127.0.0.1:{ports['events_metrics']}/metrics" }}
pprof = {{ challenge-service = "http://127.0.0.1:{ports['service_metrics']}/debug/pprof" }}
"""
    project = Checkout(lab)
    project.describe(hand=seen, capped=seen + "max_rate = 60\nmax_minutes = 1", far=seen + 'behind = "cluster.example"\nmax_rate = 60\nmax_minutes = 1',
                     bare=f"base_url = \"http://127.0.0.1:{ports['http']}/challenge\"")
    yield project
    project.remove()


@pytest.fixture(autouse=True)
def players_again(lab):
    yield
    lab.run("reset")


def results(checkout, target):
    return checkout.root / "test/results/targets" / target


def test_a_limit_is_searched_on_it_with_what_its_profile_lets_be_seen(checkout, services):
    said = checkout.run("limit", "--target", "hand", checkout.root / "test/k6/scenario1_api_load.js", "--over", "TARGET_RPS=2..8", "--window", "5", "--budget", "10")
    folder = results(checkout, "hand") / "limit/scenario1_api_load"
    report = json.loads((folder / "limit.json").read_text())
    assert report["refused"] == "" and report["confirmed"] is not None, said
    assert (checkout.root / "resets").read_text().splitlines() == ["reset"] * len(report["trials"])
    recorded = sqlite3.connect(next(folder.glob("*.monitor/monitor.sqlite")))
    assert {row[0] for row in recorded.execute("SELECT DISTINCT name FROM process")} >= {"challenge-service", "challenge-event-handler", "generator"}
    assert recorded.execute("SELECT count(*) FROM pg_activity").fetchone()[0] > 0
    assert [file.read_bytes()[:2] for file in folder.glob("cpu_*.txt") if ".top." not in file.name] == [b"\x1f\x8b"]
    assert "confirmed" in said.lower() and "limit/scenario1_api_load" in said
    # What is not described is not looked at, and nothing asks for it.
    checkout.run("limit", "--target", "bare", checkout.root / "test/k6/scenario1_api_load.js", "--over", "TARGET_RPS=2..4", "--window", "5", "--budget", "10")
    assert not list((results(checkout, "bare") / "limit/scenario1_api_load").glob("cpu_*.txt"))


def test_a_campaign_on_it_has_the_guides_results_and_leaves_the_stacks_documents_alone(checkout):
    said = checkout.run("campaign", "--target", "hand", "--quick", "--seconds", "3", "--max-rps", "500", "--max-eps", "2000", "--scenario", "4")
    said += checkout.run("campaign", "--target", "hand", "--quick", "--seconds", "3", "--max-rps", "50", "--max-eps", "100", "--scenario", "3")
    folder = results(checkout, "hand")
    journal = json.loads((folder / "campaign.json").read_text())
    assert [level["scenario"] for level in journal["levels"]] == [4, 3] and journal["environment"]["target"] == "hand", said
    assert (folder / "scenario3/level_50rps_100eps.monitor/monitor.sqlite").exists()
    assert (folder / "scenario3/cpu_50rps_100eps.txt").exists() and not (folder / "scenario3/event-handler_cpu_50rps_100eps.txt").exists()
    assert "== Slowest statements on user_goal_progress" in (folder / "scenario4/query_analysis.txt").read_text()
    assert len((folder / "scenario4/db_monitor.log").read_text().splitlines()) >= 2
    baseline = (folder / "PERFORMANCE_BASELINE.md").read_text()
    assert "| 50 RPS + 100 EPS |" in baseline and "target `hand`" in baseline and "shared this machine" not in baseline
    assert "target `hand`" in (folder / "report.html").read_text()
    assert list((checkout.root / "docs").iterdir()) == []
    assert "Bottleneck" in (explained := checkout.run("explain", folder / "scenario3/level_50rps_100eps.json")) or "Nearest to its limit" in explained


def test_scenario_5_is_measured_there(checkout):
    checkout.run("campaign", "--target", "hand", "--quick", "--seconds", "3", "--scenario", "5")
    seen = json.loads((results(checkout, "hand") / "scenario5/visibility.json").read_text())["metrics"]
    assert seen["event_to_visibility"]["values"]["min"] > 0
    assert not (results(checkout, "hand") / "scenario5/flush_timing.log").exists(), "the handler's log is not ours"


def test_a_change_made_by_commands_is_judged_and_taken_back(checkout):
    said = checkout.run("ab", "--target", "hand", "--before", "echo before >>changes", "--after", "echo after >>changes", checkout.root / "test/k6/scenario1_api_load.js",
                        "-e", "TARGET_RPS=20", "--seconds", "2", "--pairs", "2")
    assert (checkout.root / "changes").read_text().split() == ["before", "after", "after", "before", "before"]
    assert "p95 latency" in said and "judgement" in said
    assert json.loads((results(checkout, "hand") / "ab/echo_after___changes.json").read_text())["change"] == "echo after >>changes"
    refused = checkout.call("ab", "--target", "hand", "--change", "DB_MAX_OPEN_CONNS=7", checkout.root / "test/k6/scenario1_api_load.js")
    assert refused.returncode == BAD_INPUT and "--before and --after" in refused.stderr
    neither = checkout.call("ab", "--target", "hand", checkout.root / "test/k6/scenario1_api_load.js")
    assert neither.returncode == BAD_INPUT and "--change" in neither.stderr
    fails = checkout.call("ab", "--target", "hand", "--before", "true", "--after", "exit 7", checkout.root / "test/k6/scenario1_api_load.js", "--seconds", "2", "--pairs", "2")
    assert fails.returncode != 0 and "--after" in fails.stderr and "exit status 7" in fails.stderr


@pytest.mark.parametrize("command", [("limit", "--over", "TARGET_RPS=2..8", "--budget", "10", "--window", "5"), ("campaign", "--quick"), ("ab", "--before", "true", "--after", "true")], ids=lambda c: c[0])
def test_a_system_elsewhere_is_not_loaded_without_its_owners_word(checkout, command):
    script = [] if command[0] == "campaign" else [checkout.root / "test/k6/scenario1_api_load.js"]
    refused = checkout.call(*command, "--target", "far", *script)
    assert refused.returncode == NO_ROOM_OR_RIGHT and "--yes-i-own cluster.example" in refused.stderr
    assert not results(checkout, "far").exists()


def test_caps_hold_for_whole_commands(checkout):
    script = checkout.root / "test/k6/scenario1_api_load.js"
    for command in (("limit", "--over", "TARGET_RPS=2..8", script), ("campaign", "--standard"), ("ab", "--before", "true", "--after", "true", script)):
        refused = checkout.call(*command, "--target", "capped")
        assert refused.returncode == NO_ROOM_OR_RIGHT and "1 are allowed (max_minutes" in refused.stderr, refused.stderr
    above = checkout.call("limit", "--over", "TARGET_RPS=100..200", script, "--target", "capped", "--window", "5", "--budget", "10")
    assert above.returncode != 0 and "max_rate" in above.stderr
    said = checkout.run("campaign", "--target", "capped", "--quick", "--seconds", "3")
    journal = json.loads((results(checkout, "capped") / "campaign.json").read_text())
    assert [(level["scenario"], level["target_rps"], level["target_eps"]) for level in journal["levels"]] == [(1, 50, 0)]
    assert "are left out" in said
    with_word = checkout.run("campaign", "--target", "far", "--yes-i-own", "cluster.example", "--quick", "--seconds", "3")
    assert "scenario 1: 50 RPS" in with_word
