"""One test on many machines as if on one: `gauntlet run --agent`, `--fleet`, `gauntlet fleet check`. Agents here are processes
that a shell carries; test_a_real_sshd_carries_agents has a real carrier."""
import getpass
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from test_engine_processes import LOOP, SPLIT, SUM, gone
from capacity_target import CapacityTarget
from counting_target import CountingTarget
from metrics_receiver import MetricsReceiver
from test_stack import ROOT, wait_for

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"
AGENT = f"{GAUNTLET} agent"


def gauntlet(tmp_path, *arguments, script=None, timeout=60):
    if script is not None:
        (tmp_path / "script.js").write_text(script)
    return subprocess.run([GAUNTLET, *arguments], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)


def run(tmp_path, script, *flags, timeout=60):
    return gauntlet(tmp_path, "run", "-q", "--no-color", *flags, "script.js", script=script, timeout=timeout)


def fleet_file(tmp_path, weights, command=AGENT):
    (tmp_path / "fleet.toml").write_text("".join(f'[[agent]]\nname = "lg{i + 1}"\ncommand = "{command}"\nweight = {weight}\n'
                                                 for i, weight in enumerate(weights)))
    return "fleet.toml"


@pytest.fixture
def target():
    target = CountingTarget()
    yield target
    target.close()


WHOLE = SPLIT.replace("'count==3000', ", "")


@pytest.mark.parametrize("weights", [[1], [1, 3], [1, 2, 3, 1, 1, 2, 5]])
def test_weighted_agents_gather_exactly_what_one_process_gathers(tmp_path, weights):
    stats = ("--summary-trend-stats", "count,min,max,avg,med,p(1),p(25),p(75),p(99),p(99.9)")
    assert run(tmp_path, WHOLE, "--out", "json=one.json", *stats).returncode == 0
    ran = run(tmp_path, WHOLE, "--fleet", fleet_file(tmp_path, weights), "--out", "json=sum.json", *stats)
    assert ran.returncode == 0, ran.stderr
    one, total = (json.loads((tmp_path / name).read_text()) for name in ("one.json", "sum.json"))
    for metric in ("number", "sum_of_numbers{half:low}"):
        rates = {"rate"}
        assert {k: v for k, v in total["metrics"][metric]["values"].items() if k not in rates} == \
               pytest.approx({k: v for k, v in one["metrics"][metric]["values"].items() if k not in rates}, rel=1e-12), metric
    assert total["metrics"]["sum_of_numbers"]["values"]["count"] == SUM
    assert total["metrics"]["iterations"]["values"]["count"] == 3000
    assert ran.stderr.count("setup ran") == 1 and ran.stderr.count("teardown ran 1") == 1
    agents = total["agents"]
    assert [a["name"] for a in agents] == [f"lg{i + 1}" for i in range(len(weights))]
    assert [a["share"] for a in agents] == pytest.approx([w / sum(weights) for w in weights])
    assert sum(a["iterations"] for a in agents) == 3000
    assert all(a["lost"] == "" and 0 < a["start_error_ms"] < 1000 for a in agents)


def test_the_script_needs_nothing_of_the_agents_machine(tmp_path):
    """Files, variables, secrets and options are the leader's; the agents stand in an empty folder with an empty environment."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "data.json").write_text('{"n": 5}')
    (tmp_path / "lib" / "part.js").write_text("export const data = JSON.parse(open('./lib/data.json')); export const twice = (n) => 2 * n;")
    (tmp_path / "secrets").write_text("token=not-for-logs\n")
    (tmp_path / "elsewhere").mkdir()
    script = """
        import { data, twice } from './lib/part.js';
        import { Counter } from 'k6/metrics';
        import exec from 'k6/execution';
        import secrets from 'k6/secrets';
        const seen = new Counter('seen');
        export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 4, iterations: 2 } } };
        export default async function () {
          const token = await secrets.get('token');
          seen.add(twice(data.n), { env: __ENV.HERE });
          console.log('vu', exec.vu.idInTest, __ENV.HERE, __ENV.HOME === undefined ? 'no' : 'a', 'home', token);
        }
        export function handleSummary(d) { return { 'summary.txt': String(d.metrics.seen.values.count), stdout: 'told by the leader\\n' }; }
        """
    carrier = f"cd {tmp_path / 'elsewhere'} && exec env -i {AGENT}"
    ran = run(tmp_path, script, "--agent", carrier, "--agent", carrier, "-e", "HERE=leader", "--secret-source", "file=secrets",
              "--include-system-env-vars=false")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "summary.txt").read_text() == "80"
    assert "told by the leader" in ran.stdout
    for vu in (1, 2, 3, 4):  # each of the whole test's users on one agent only
        assert ran.stderr.count(f"vu {vu} leader no home ***SECRET_REDACTED***") == 2, ran.stderr
    assert "not-for-logs" not in ran.stdout + ran.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_carrier_that_fails_shows_its_own_words_before_any_load(tmp_path):
    ran = run(tmp_path, LOOP, "--agent", AGENT, "--agent", "echo 'Permission denied (publickey).' >&2; exit 255 # agent")
    assert ran.returncode == 255
    assert "Permission denied (publickey)." in ran.stderr and "exit status 255" in ran.stderr and "looping" not in ran.stderr
    ran = run(tmp_path, LOOP, "--agent", "echo what is an agent")  # prints to where the agent should speak
    assert ran.returncode == 255 and "what is an agent" in ran.stderr


def test_words_of_a_login_shell_before_the_agent_are_skipped(tmp_path):
    ran = run(tmp_path, WHOLE, "--agent", f"echo 'Welcome to lg1!'; exec {AGENT}")
    assert ran.returncode == 0, ran.stderr


def test_another_version_is_refused_and_both_are_named(tmp_path):
    def text(field, value):
        return bytes([field << 3 | 2, len(value)]) + value.encode()

    hello = b"\x08\x01" + text(2, "0.0.1")  # protocol = 1, version
    word = bytes([1 << 3 | 2, len(hello)]) + hello
    (tmp_path / "old").write_bytes(b"GAUNTLET-FLEET\n" + struct.pack(">I", len(word)) + word)
    ran = run(tmp_path, LOOP, "--agent", AGENT, "--agent", "cat old; sleep 30 # an agent")
    assert ran.returncode == 255
    version = gauntlet(tmp_path, "version").stdout.split()[1]
    assert "is gauntlet 0.0.1" in ran.stderr and f"this is gauntlet {version}" in ran.stderr and "looping" not in ran.stderr


@pytest.fixture
def looping(tmp_path):
    """A test with three agents, whose shells write their pids down: (leader, pids of agents)."""
    (tmp_path / "script.js").write_text(LOOP)
    started = []

    def start(*flags):
        agents = [f"echo $$ > {tmp_path}/pid{i}; exec {AGENT}" for i in range(3)]
        log = (tmp_path / "log").open("w+")
        leader = subprocess.Popen([GAUNTLET, "run", "-q", "--no-color", *flags, "--out", "json=r.json", *[f for a in agents for f in ("--agent", a)],
                                   "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        leader.log = tmp_path / "log"
        started.append(leader)
        assert wait_for(lambda: leader.log.read_text().count("looping") > 3, 20), leader.log.read_text()
        pids = [int((tmp_path / f"pid{i}").read_text()) for i in range(3)]
        started.extend(pids)
        return leader, pids

    yield start
    for one in started:
        try:
            os.kill(one if isinstance(one, int) else one.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    started[0].wait(5)


@pytest.mark.parametrize("fault, words", [(signal.SIGKILL, "ended by signal 9"), (signal.SIGSTOP, "silent for 5 s")])
def test_an_agent_that_is_lost_ends_the_test_and_is_named_with_the_moment(tmp_path, looping, fault, words):
    leader, agents = looping()
    time.sleep(1.5)  # a window of each is there
    os.kill(agents[1], fault)
    assert leader.wait(30) == 112
    log = leader.log.read_text()
    assert "pid1" in log and " s into the test, and 33 % of the load with it" in log and words in log
    assert log.count("teardown ran") == 1
    results = json.loads((tmp_path / "r.json").read_text())
    lost = [a for a in results["agents"] if a["lost"]]
    assert len(lost) == 1 and words in lost[0]["lost"] and lost[0]["lost_at_s"] > 0
    assert lost[0]["iterations"] > 0  # what it had sent counts
    assert results["metrics"]["iterations"]["values"]["count"] == sum(a["iterations"] for a in results["agents"])
    assert wait_for(lambda: all(gone(pid) for pid in agents), 5)


SAMPLES = """
import { Counter } from 'k6/metrics';
const taken = new Counter('taken');
export const options = { scenarios: { all: { executor: 'shared-iterations', vus: 8, iterations: 4000 } } };
export default function () { for (let i = 0; i < 5; ++i) taken.add(1, { step: 'a' }); }
"""


def lines_of_samples(path):
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [line for line in text.splitlines() if line.startswith("taken,") or '"metric":"taken","type":"Point"' in line]


def test_samples_come_home_under_each_agents_name(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    fleet = fleet_file(tmp_path, [1, 3], f"TMPDIR={temporary} {AGENT}")
    ran = run(tmp_path, SAMPLES, "--fleet", fleet, "--out", "csv=out/s.csv.gz", "--out", "points=p.ndjson")
    assert ran.returncode == 0, ran.stderr
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["s.lg1.csv.gz", "s.lg2.csv.gz"]
    for names in (["out/s.lg1.csv.gz", "out/s.lg2.csv.gz"], ["p.lg1.ndjson", "p.lg2.ndjson"]):
        assert [len(lines_of_samples(tmp_path / name)) for name in names] == [5000, 15000]
    assert list(temporary.iterdir()) == []
    ran = gauntlet(tmp_path, "run", "--no-color", "--processes", "2", "--out", "csv=q.csv", "script.js")
    assert ran.returncode == 0, ran.stderr
    assert "q.process-1.csv, q.process-2.csv" in ran.stderr
    assert sum(len(lines_of_samples(tmp_path / f"q.process-{i}.csv")) for i in (1, 2)) == 20000
    assert "samples: q.process-1.csv" in ran.stdout


def test_samples_of_an_agent_that_is_lost_are_told_to_be_missing(tmp_path, looping):
    leader, agents = looping("--on-agent-loss", "continue", "-d", "5s", "--out", "csv=s.csv")
    os.kill(agents[1], signal.SIGKILL)
    assert leader.wait(30) == 112
    there = sorted(f.name for f in tmp_path.iterdir() if f.name.startswith("s."))
    missing = re.findall(r"did not all come: (\S+) is not written", leader.log.read_text())
    assert len(there) == 2 and len(missing) == 1 and missing[0] not in there


def test_samples_come_home_after_ctrl_c(tmp_path, looping):
    leader, _ = looping("--out", "csv=s.csv")
    leader.send_signal(signal.SIGINT)
    assert leader.wait(15) == 105
    files = [f for f in tmp_path.iterdir() if f.name.startswith("s.")]
    assert len(files) == 3 and all(f.read_text().startswith("metric_name,") and "\ndata_sent," in f.read_text() for f in files)


def test_samples_that_cannot_be_kept_are_told_before_any_load(tmp_path):
    ran = run(tmp_path, LOOP, "--agent", AGENT, "--agent", AGENT, "--out", "csv=/proc/none/s.csv")
    assert ran.returncode == 255 and "/proc/none" in ran.stderr and "looping" not in ran.stderr
    ran = run(tmp_path, LOOP, "--agent", f"TMPDIR=/proc {AGENT}", "--agent", AGENT, "--out", "csv=s.csv")
    assert ran.returncode == 255 and "could not create the 'csv' output" in ran.stderr and "looping" not in ran.stderr
    ran = run(tmp_path, LOOP, "--agent", AGENT, "--agent", AGENT, "--out", "csv=-")
    assert ran.returncode == 255 and "each agent's comes under its name" in ran.stderr


def test_agents_send_to_a_receiver_with_their_names(tmp_path):
    with MetricsReceiver() as receiver:
        ran = run(tmp_path, SAMPLES, "--fleet", fleet_file(tmp_path, [1, 1]), "--out", f"influxdb=http://127.0.0.1:{receiver.port}/k6")
    assert ran.returncode == 0, ran.stderr
    lines = [line for line in b"".join(receiver.bodies("/write?")).decode().splitlines() if line.startswith("taken")]
    assert [sum(f"agent=lg{i}," in line for line in lines) for i in (1, 2)] == [10000, 10000]


def test_a_connection_that_is_cut_counts_as_a_lost_agent(tmp_path):
    """As ssh whose network goes: the agent lives on, what carries its words does not."""
    (tmp_path / "script.js").write_text(LOOP)
    carrier = f"cat | {AGENT} | (sh -c 'echo $PPID' > {tmp_path}/relay; exec cat) # agent"
    with (tmp_path / "log").open("w") as log:
        leader = subprocess.Popen([GAUNTLET, "run", "-q", "--no-color", "--agent", AGENT, "--agent", carrier, "script.js"], cwd=tmp_path,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    try:
        assert wait_for(lambda: (tmp_path / "log").read_text().count("looping") > 3, 20), (tmp_path / "log").read_text()
        os.kill(int((tmp_path / "relay").read_text()), signal.SIGKILL)
        assert leader.wait(20) == 112
    finally:
        leader.kill()
    assert "50 % of the load with it" in (tmp_path / "log").read_text()


RELAY = ROOT / "tests" / "support" / "fleet_relay.py"


@pytest.mark.parametrize("fault, code, words", [
    ("window of many names", 112, "too many checks"),
    ("windows without end", 112, "windows without end"),
    ("window that nests", 112, "nest deeper"),
    ("window of less than nothing", 112, "no results of a test"),
    ("status that is none", 112, "its progress cannot be"),
    ("progress that is no number", 112, "its progress cannot be"),
    ("window of many parts", 0, ""),
    ("name without end", 255, "no machine has a name"),
])
def test_what_an_agent_makes_up_costs_that_agent_and_not_its_leader(tmp_path, fault, code, words):
    (tmp_path / "trigger").touch()
    ran = run(tmp_path, "import { sleep } from 'k6'; export const options = { vus: 1, duration: '2s' }; export default function () { sleep(0.1); }",
              "--agent", f"{sys.executable} {RELAY} '{fault}' {tmp_path}/trigger {AGENT}", "--out", "web-dashboard=port=-1&export=report.html")
    assert ran.returncode == code and words in ran.stderr, ran.stderr


def test_a_test_may_go_on_without_a_lost_agent(tmp_path, looping):
    leader, agents = looping("--on-agent-loss", "continue", "-d", "6s")
    os.kill(agents[2], signal.SIGKILL)
    assert leader.wait(30) == 112
    results = json.loads((tmp_path / "r.json").read_text())
    assert [bool(a["lost"]) for a in results["agents"]] == [False, False, True]
    assert "the test went on without" in leader.log.read_text()


def test_ctrl_c_ends_all_agents_after_teardown(looping):
    leader, agents = looping()
    leader.send_signal(signal.SIGINT)
    assert leader.wait(15) == 105
    assert all(gone(pid) for pid in agents)
    assert leader.log.read_text().count("teardown ran") == 1


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_agents_do_not_outlive_a_leader_that_goes_away(looping, fault):
    leader, agents = looping()
    leader.send_signal(fault)
    assert wait_for(lambda: all(gone(pid) for pid in agents), 10)


def test_abort_on_fail_is_judged_on_the_sum_while_it_runs_and_stops_everybody(tmp_path):
    script = """
        import { Counter } from 'k6/metrics';
        import { sleep } from 'k6';
        const all = new Counter('all');
        export const options = { vus: 6, duration: '60s', thresholds: { all: [{ threshold: 'count<60', abortOnFail: true }] } };
        export default function () { all.add(1); sleep(0.1); }
        """
    began = time.monotonic()
    ran = run(tmp_path, script, "--fleet", fleet_file(tmp_path, [1, 1, 1]))
    assert ran.returncode == 99 and time.monotonic() - began < 30, ran.stderr
    assert "thresholds on metrics 'all' were crossed" in ran.stderr, ran.stderr


def test_the_live_page_and_the_progress_line_show_the_sum(tmp_path):
    (tmp_path / "script.js").write_text("import { sleep } from 'k6'; export const options = { vus: 6, duration: '6s' };"
                                        "export default function () { sleep(0.05); }")
    ran = gauntlet(tmp_path, "run", "--no-color", "--fleet", fleet_file(tmp_path, [1, 1, 1]), "--out", "json=r.json",
                   "--out", "web-dashboard=port=-1&export=report.html", "script.js")
    assert ran.returncode == 0, ran.stderr
    assert "6/6 VUs" in ran.stdout, ran.stdout
    assert (tmp_path / "report.html").stat().st_size > 10_000
    rows = json.loads((tmp_path / "r.json").read_text())["series"]
    assert sum(row["metrics"].get("iterations", {}).get("count", 0) for row in rows) == \
        json.loads((tmp_path / "r.json").read_text())["metrics"]["iterations"]["values"]["count"]


def test_all_begin_at_one_moment(tmp_path, target):
    """As the target sees it: the first request of each of four agents."""
    script = """
        import http from 'k6/http';
        import exec from 'k6/execution';
        export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 4, iterations: 1 } } };
        export default function () { http.get(`${__ENV.TARGET}/${exec.vu.idInTest}`); }
        """
    ran = run(tmp_path, script, "--fleet", fleet_file(tmp_path, [1, 1, 1, 1]), "-e", f"TARGET=http://127.0.0.1:{target.port}")
    assert ran.returncode == 0, ran.stderr
    assert len(target.first) == 4
    print("start skew at the target, ms:", round(1000 * (max(target.first.values()) - min(target.first.values())), 2))


def test_fleet_check_says_who_answers_and_why_others_do_not(tmp_path):
    checked = gauntlet(tmp_path, "fleet", "check", "--fleet", fleet_file(tmp_path, [1, 3]))
    assert checked.returncode == 0, checked.stderr
    assert "lg1" in checked.stdout and "75.0 %" in checked.stdout and socket.gethostname() in checked.stdout
    checked = gauntlet(tmp_path, "fleet", "check", *3 * ("--agent", AGENT))
    assert [line.split()[2] for line in checked.stdout.splitlines() if line.startswith(AGENT)][1:] == ["#2", "#3"], checked.stdout
    checked = gauntlet(tmp_path, "fleet", "check", "--agent", AGENT, "--agent", "echo 'no route to host' >&2; exit 255 # agent")
    assert checked.returncode != 0 and "no route to host" in checked.stderr and "ms" in checked.stdout


@pytest.mark.parametrize("text, words", [
    ("", "a fleet is a list of"), ("[[agent]]\nname = 'a'\n", "an agent has a command"),
    ("[[agent]]\ncommand = 'ssh a'\nweight = 0\n", "from 1 to 1000"),
    *[(f"[[agent]]\ncommand = 'ssh a'\nweight = {weight}\n", "fleet.toml:3: a weight is a whole number") for weight in ("'3'", "2.5", "true")],
    ("[[agent]]\ncommand = 'ssh a'\nname = 5\n", "a name is a text"), ("[[agent]]\ncommand = 'ssh a'\nwieght = 2\n", "no wieght"), ("[[", "fleet.toml:1")])
def test_a_fleet_file_is_read_to_the_letter(tmp_path, text, words):
    (tmp_path / "fleet.toml").write_text(text)
    ran = run(tmp_path, LOOP, "--fleet", "fleet.toml")
    assert ran.returncode == 255 and words in ran.stderr


def test_an_agent_by_hand_says_who_starts_it(tmp_path):
    leader, follower = os.openpty()
    try:
        ran = subprocess.run([GAUNTLET, "agent"], stdin=follower, stdout=follower, stderr=subprocess.PIPE, text=True, timeout=20)
    finally:
        os.close(leader)
        os.close(follower)
    assert ran.returncode == 2 and "--agent 'ssh HOST'" in ran.stderr


KUBECTL = """#!/bin/sh
# Stands in for kubectl: a pod is a file, and what runs in it runs here.
cd {folder}; printf '%s\\n' "$*" >>calls
[ "$1 $2" = "-n load" ] || {{ echo "no namespace" >&2; exit 1; }}
shift 2
case $1 in
  create) pod=$(cat); case $pod in *forbidden*) echo 'Error from server (Forbidden): exceeded quota: load' >&2; exit 1;; esac
    printf '%s\n' "$pod" >>made; name=${{pod#*'"name":"'}}; touch "pods/${{name%%'"'*}}";;
  wait) case $(cat made) in *missing*) exit 1;; *slow*) exec sleep 60;; esac;;
  get) case $2 in pod) echo Pending/ErrImagePull;; events) echo 'Failed   no such image';; esac;;
  exec) exec {agent};;
  delete) rm "pods/$3";;
esac
"""


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "cluster" / "pods").mkdir(parents=True)
    kubectl = tmp_path / "cluster" / "kubectl"
    kubectl.write_text(KUBECTL.format(folder=tmp_path / "cluster", agent=AGENT))
    kubectl.chmod(0o755)

    def flags(pods, image="gauntlet:1"):
        return "--kubernetes", str(pods), "--kubernetes-image", image, "--kubectl", f"{kubectl} -n load"

    flags.pods = tmp_path / "cluster" / "pods"
    return flags


def no_pods(cluster):
    return wait_for(lambda: not any(cluster.pods.iterdir()), 10)


def test_pods_are_made_take_their_share_and_are_deleted(tmp_path, cluster):
    ran = run(tmp_path, WHOLE, *cluster(3), "--out", "json=r.json")
    assert ran.returncode == 0, ran.stderr
    results = json.loads((tmp_path / "r.json").read_text())
    assert results["metrics"]["sum_of_numbers"]["values"]["count"] == SUM and len(results["agents"]) == 3
    assert no_pods(cluster)
    calls = (tmp_path / "cluster" / "calls").read_text()
    made = [json.loads(line)["spec"]["containers"][0]["image"] for line in (tmp_path / "cluster" / "made").read_text().splitlines()]
    assert made == 3 * ["gauntlet:1"] and calls.count("-- gauntlet agent") == 3


@pytest.mark.parametrize("image, words", [("forbidden", "exceeded quota: load"), ("missing", "Failed   no such image")])
def test_a_pod_that_does_not_come_says_why_and_leaves_nothing(tmp_path, cluster, image, words):
    ran = run(tmp_path, LOOP, *cluster(2, image))
    assert ran.returncode == 255 and words in ran.stderr and "looping" not in ran.stderr
    assert no_pods(cluster)


def test_pods_that_are_waited_for_are_deleted_after_ctrl_c(tmp_path, cluster):
    (tmp_path / "script.js").write_text(LOOP)
    leader = subprocess.Popen([GAUNTLET, "run", "-q", *cluster(2, "slow"), "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    calls = tmp_path / "cluster" / "calls"
    assert wait_for(lambda: calls.exists() and calls.read_text().count("-n load wait") == 2, 10)
    leader.send_signal(signal.SIGINT)
    assert leader.wait(15) == 105
    assert no_pods(cluster)


def limit(tmp_path, name, *agents):
    """A search in short trials: (its interval, the agents of a trial)."""
    results = tmp_path / name
    searched = gauntlet(tmp_path, "limit", "load.js", "--target", "slow", "--over", "RATE=100..640", "--window", "5", "--budget", "20",
                        "--out", results, *agents, timeout=180)
    assert searched.returncode == 0, searched.stdout + searched.stderr
    return json.loads((results / "limit.json").read_text())["interval"], json.loads(next(results.glob("trial_*.json")).read_text())["agents"]


@pytest.mark.alone
def test_a_limit_that_is_searched_with_three_agents_is_the_one_of_one_agent(tmp_path):
    """`limit`, `ab`, `campaign` and `demo` hand their agents to each run."""
    target = CapacityTarget(200)
    try:
        (tmp_path / "gauntlet.toml").write_text(f'[targets.slow]\nbase_url = "http://127.0.0.1:{target.port}"\n')
        (tmp_path / "load.js").write_text("""
            import http from 'k6/http';
            export const options = { scenarios: { s: { executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), preAllocatedVUs: 300,
              maxVUs: 1000, duration: __ENV.DURATION } }, thresholds: { http_req_failed: ['rate<0.01'] } };
            export default function () { http.get(__ENV.BASE_URL); }
            """)
        one, agents_of_one = limit(tmp_path, "one", "--agent", AGENT)
        three, agents_of_three = limit(tmp_path, "three", "--fleet", fleet_file(tmp_path, [1, 2, 1]))
    finally:
        target.close()
    assert len(agents_of_one) == 1 and [agent["name"] for agent in agents_of_three] == ["lg1", "lg2", "lg3"]
    assert 0 < agents_of_three[0]["iterations"] < agents_of_three[1]["iterations"]
    print("limit with one agent:", one, "with three:", three)
    for lower, upper in (one, three):
        assert lower < 260 and upper > 160, (one, three)
    assert max(one[0], three[0]) < min(one[1], three[1]), (one, three)
    wrong = gauntlet(tmp_path, "limit", "load.js", "--target", "slow", "--over", "RATE=20..40", "--fleet", "none.toml")
    assert wrong.returncode != 0 and "none.toml" in wrong.stderr


SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if os.path.exists("/usr/sbin/sshd") else None)


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's server is not installed (scripts/install-deps installs it)")
def test_a_real_sshd_carries_agents(tmp_path):
    keys = tmp_path / "ssh"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name], check=True)
    (keys / "authorized").write_text((keys / "user.pub").read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (keys / "config").write_text(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / 'host'}\nAuthorizedKeysFile {keys / 'authorized'}\n"
                                 f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n")
    if os.getuid() == 0:
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # where it puts its unprivileged half
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", keys / "config"], stderr=(keys / "log").open("w"))
    try:
        assert wait_for(lambda: "Server listening" in (keys / "log").read_text(), 10), (keys / "log").read_text()
        options = f"-p {port} -i {keys / 'user'} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile={keys / 'known'}"
        carrier = f"ssh {options} {getpass.getuser()}@127.0.0.1 {AGENT}"
        checked = gauntlet(tmp_path, "fleet", "check", "--agent", carrier)
        assert checked.returncode == 0, checked.stderr
        ran = run(tmp_path, WHOLE, "--agent", carrier, "--agent", carrier, "--out", "json=r.json")
        assert ran.returncode == 0, ran.stderr
        print(ran.stdout)
        assert json.loads((tmp_path / "r.json").read_text())["metrics"]["sum_of_numbers"]["values"]["count"] == SUM
        refused = run(tmp_path, WHOLE, "--agent", carrier.replace("/user", "/host"))
        assert refused.returncode == 255 and "Permission denied" in refused.stderr, refused.stderr
    finally:
        server.terminate()
        server.wait(10)
