"""The backend on a real Kubernetes cluster: what the manifests give, and what players and the platform notice while pods come and go.

    make test-kubernetes        root, some ten minutes beside the first build of the cluster's programs; everything that it makes goes again

What it measured stands in build/test-reports/kubernetes.txt.
"""
import collections
import contextlib
import json
import re
import signal
import statistics
import subprocess
import sys
import time

import pytest

from cluster import HERE
from docker_daemon import PROGRAMS, ROOT

REPORT = ROOT / "build/test-reports/kubernetes.txt"
SERVICES = PROGRAMS[:2]
QUIET_S, AFTER_S = 15, 10
PLAYERS = 50
GAUNTLET = ROOT / "build/release/bin/gauntlet"
FLEET_SCRIPT = """
    import http from 'k6/http';
    import exec from 'k6/execution';
    export const options = {
      scenarios: { list: { executor: 'constant-arrival-rate', rate: 60, duration: __ENV.DURATION, preAllocatedVUs: 40 } },
      thresholds: { http_req_failed: ['rate==0'] },
    };
    export default function () {
      if (exec.scenario.iterationInInstance === 0) console.log('begins at', exec.scenario.startTime);
      http.get(`${__ENV.BASE_URL}/v1/challenges`, { headers: { 'x-mock-user-id': `user-${exec.scenario.iterationInTest % 50}` } });
    }
    export function teardown() { console.log('teardown ran'); }
    """


def addresses(cluster):
    """Of the Services, with the ports of REST and of gRPC."""
    service, handler = (cluster.get(f"service {name}")["spec"]["clusterIP"] for name in SERVICES)
    return f"{service}:8000", f"{service}:6565", f"{handler}:6565"


def on_node(command, **how):
    """From node-1, whose kube-proxy knows the Services' addresses."""
    return subprocess.run(["nsenter", "--net=/run/netns/node-1", *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, **how)


def sql(cluster, statement):
    said = cluster.kubectl(f"--namespace challenge exec postgres-0 -- psql -U postgres -d challenge_db -qAtX -F ' ' -c \"{statement}\"")
    return [line.split() for line in said.splitlines()]


def pods(cluster, app):
    return [pod["metadata"]["name"] for pod in cluster.get(f"pods --selector app={app}")["items"] if "deletionTimestamp" not in pod["metadata"]]


def settled(cluster, replicas=2):
    for name in SERVICES:
        cluster.kubectl(f"--namespace challenge rollout status --timeout=180s deployment/{name}")
    cluster.await_that(lambda: all(len(cluster.get(f"pods --selector app={name}")["items"]) == replicas for name in SERVICES), 120, "pods do not go")


def test_what_is_applied_becomes_ready(backend):
    began = time.monotonic()
    for name in SERVICES:
        backend.kubectl(f"--namespace challenge rollout status --timeout=180s deployment/{name}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(f"from kubectl apply to every pod ready: {time.monotonic() - began:.0f} s\n")
    for name in SERVICES:
        assert len({pod["spec"]["nodeName"] for pod in backend.get(f"pods --selector app={name}")["items"]}) == 2, "replicas share a node"


def test_the_services_answer_as_the_contract_says(backend):
    service, grpc, _ = addresses(backend)
    challenges = json.loads((ROOT / "config/challenges.json").read_text())["challenges"]
    answer = on_node(["curl", "-fsS", "-H", "x-mock-user-id: someone", f"http://{service}/challenge/v1/challenges"])
    assert answer.returncode == 0, answer.stderr
    assert len(json.loads(answer.stdout)["challenges"]) == len(challenges)


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_is_nobody_in_particular_and_writes_nowhere(backend, name):
    pod = pods(backend, name)[0]
    assert backend.kubectl(f"--namespace challenge exec {pod} -- id -u") == "999"
    assert "Read-only file system" in backend.kubectl(f"--namespace challenge exec {pod} -- touch /app/x", check=False)


class Load:
    def __init__(self, cluster):
        service, _, handler = addresses(cluster)
        self.process = subprocess.Popen(["nsenter", "--net=/run/netns/node-1", sys.executable, HERE / "load.py", service, handler],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        return json.loads(self.process.communicate(timeout=120)[0])


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def raised_seconds(answers, usual):
    """Seconds whose slowest hundredth was three times slower than usual, and by 50 ms."""
    by_second = collections.defaultdict(list)
    for began, took, _, _ in answers:
        by_second[int(began)].append(took)
    return sum(percentile(values, 0.99) > max(3 * usual, usual + 0.05) for values in by_second.values())


def test_pods_come_and_go_under_load(counted):
    settled(counted)
    sql(counted, f"""INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, is_active)
                     SELECT 'user-' || n, 'logins', 'c', 'test', true FROM generate_series(0, {PLAYERS - 1}) AS n""")
    spans, load = {}, Load(counted)

    @contextlib.contextmanager
    def disruption(name):
        began = time.time()
        yield
        settled(counted, replicas=4 if name == "scale 2 -> 4" else 2)
        time.sleep(AFTER_S)
        spans[name] = began, time.time()

    kubectl = counted.kubectl
    try:
        time.sleep(5)
        with disruption("nothing"):
            time.sleep(QUIET_S)
        with disruption("rolling update of both"):
            kubectl("--namespace challenge rollout restart " + " ".join(f"deployment/{name}" for name in SERVICES))
        with disruption("node drained"):
            kubectl("drain node-2 --ignore-daemonsets --delete-emptydir-data --timeout=300s")
        with disruption("node back, replicas moved there"):
            kubectl("uncordon node-2")
            kubectl("--namespace challenge rollout restart " + " ".join(f"deployment/{name}" for name in SERVICES))
        with disruption("a pod of each killed"):
            kubectl("--namespace challenge delete pod --grace-period=0 --force " + " ".join(pods(counted, name)[0] for name in SERVICES))
        with disruption("scale 2 -> 4"):
            kubectl("--namespace challenge scale --replicas=4 " + " ".join(f"deployment/{name}" for name in SERVICES))
        with disruption("scale 4 -> 2"):
            kubectl("--namespace challenge scale --replicas=2 " + " ".join(f"deployment/{name}" for name in SERVICES))
    finally:
        seen = load.end()

    acknowledged = collections.Counter(seen["acknowledged"])
    progress = {user: int(count) for user, count in sql(counted, "SELECT user_id, progress FROM user_goal_progress WHERE goal_id = 'logins'")}
    lost = sum(max(0, count - progress[user]) for user, count in acknowledged.items())
    doubled = sum(max(0, progress[user] - acknowledged[user]) for user in progress)

    def within(kind, name):
        return [answer for answer in seen[kind] if spans[name][0] <= answer[0] < spans[name][1]]

    usual = {kind: percentile([took for _, took, _, _ in within(kind, "nothing")], 0.99) for kind in ("reads", "events")}
    lines = [f"{'':34} seconds   GETs  asked twice  failed  p99 raised   events  sent again  failed  p99 raised"]
    failures = collections.Counter()
    for name, (began, ended) in spans.items():
        row = f"{name:34} {ended - began:>7.0f}"
        for kind, width in (("reads", 6), ("events", 8)):
            answers = within(kind, name)
            failed = [problem for _, _, _, problem in answers if problem]
            failures.update(f"{name}: {kind}: {problem}" for problem in failed)
            row += (f" {len(answers):>{width}} {sum(attempts > 1 for _, _, attempts, _ in answers):>12}"
                    f" {len(failed):>7} {raised_seconds(answers, usual[kind]):>9} s")
        lines.append(row)
    lines += [f"usual p99: GET {usual['reads'] * 1000:.0f} ms, event {usual['events'] * 1000:.0f} ms",
              f"events acknowledged {len(seen['acknowledged'])}  lost {lost}  doubled {doubled}", *map(str, failures.items())]
    with REPORT.open("a") as report:
        report.write("\n".join(lines) + "\n")
    print("\n".join(lines))
    assert (lost, doubled) == (0, 0)
    assert not failures
    assert statistics.fmean(attempts for _, _, attempts, _ in seen["reads"]) < 1.05


def test_what_a_pod_uses_is_written_down(counted):
    with REPORT.open("a") as report:
        for name in SERVICES:
            for pod in pods(counted, name):
                used = re.search(r"VmHWM:\s*(\d+) kB", counted.kubectl(f"--namespace challenge exec {pod} -- cat /proc/1/status"))
                report.write(f"{pod}: at most {int(used[1]) / 1024:.0f} MiB\n")


def test_prometheus_sees_every_replica_under_the_names_that_dashboard_and_alerts_expect(counted, project):
    counted.kubectl("apply -k deploy/kubernetes/monitoring", cwd=project)
    counted.kubectl("--namespace challenge rollout status --timeout=180s deployment/prometheus")
    address = counted.get("service prometheus")["spec"]["clusterIP"]

    def ask(path):
        answer = on_node(["curl", "-fsS", "--max-time", "5", f"http://{address}:9090/api/v1/{path}"])
        return json.loads(answer.stdout)["data"] if answer.returncode == 0 else {"activeTargets": []}  # nodes learn of a Service a moment later

    def seen():
        up = [one["labels"]["job"] for one in ask("targets?state=active")["activeTargets"] if one["health"] == "up"]
        return collections.Counter(up) == {name: 2 for name in SERVICES}
    counted.await_that(seen, 120, "Prometheus does not see the replicas")
    assert [group["name"] for group in ask("rules")["groups"]]
    dashboard = counted.get("configmap challenge-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1" and json.loads(dashboard["data"]["challenge-backend.json"])["panels"]


def test_the_load_job_runs_and_its_parts_are_merged(counted, project):
    """Small enough for two cores that are also the cluster."""
    job = project / "deploy/kubernetes/load/job.yaml"
    text = job.read_text()
    for was, is_now in (('value: "2000"', 'value: "40"'), ('value: "8000"', 'value: "80"'), ("value: 5m", "value: 10s"), ('cpu: "2"', "cpu: 50m"), ("memory: 1Gi }, limits", "memory: 64Mi }, limits")):
        assert was in text
        text = text.replace(was, is_now)
    job.write_text(text)
    counted.kubectl(f"apply -f {job}")
    counted.kubectl("--namespace challenge wait --for=condition=complete --timeout=300s job/load")
    counted.kubectl("--namespace challenge apply -f deploy/kubernetes/load/results.yaml", cwd=project)
    counted.kubectl("--namespace challenge wait --for=condition=ready --timeout=120s pod/load-results")
    said = counted.kubectl("--namespace challenge exec load-results -- gauntlet merge " + " ".join(f"/results/part-{n}.json" for n in range(4)))
    assert "http_reqs" in said and "grpc_req_duration" in said
    counted.kubectl("--namespace challenge delete pod/load-results job/load --grace-period=1")


class Fleet:
    """A leader on this machine, whose pods are in a namespace of their own: one that takes only pods which restrict themselves, and with
    the rights of deploy/kubernetes/load/leader.yaml alone."""

    def __init__(self, cluster, project, folder):
        kubectl, self.cluster, self.folder = cluster.kubectl, cluster, folder
        kubectl("create namespace load")
        kubectl("label namespace load pod-security.kubernetes.io/enforce=restricted")
        kubectl("--namespace load apply -f deploy/kubernetes/load/leader.yaml", cwd=project)
        kubectl("--namespace load create serviceaccount leader")
        kubectl("--namespace load create rolebinding leader --role=gauntlet-leader --serviceaccount=load:leader")
        token = kubectl("--namespace load create token leader")
        self.flags = ["--kubernetes", "2", "--kubectl", f"kubectl --namespace load --token {token}"]
        (folder / "script.js").write_text(FLEET_SCRIPT)

    def begin(self, *words):
        return subprocess.Popen([GAUNTLET, *words], cwd=self.folder, env=self.cluster.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=(self.folder / "log").open("w"), text=True)

    def begin_run(self, seconds, *flags):
        return self.begin("run", "--no-color", *self.flags, *flags, "--out", "json=results.json", "-e", f"DURATION={seconds}s",
                          "-e", "BASE_URL=http://challenge-service.challenge:8000/challenge", "script.js")

    def begin_to_interrupt(self):
        leader = self.begin_run(120)
        self.cluster.await_that(lambda: self.log.count("begins at") == 2 or leader.poll() is not None, 120, "the test does not begin")
        time.sleep(3)  # what the agents gathered has come
        return leader

    def end(self, process):
        said = process.communicate(timeout=180)[0]
        self.cluster.await_that(lambda: not self.pods(), 60, "the fleet leaves pods")
        return said

    @property
    def log(self):
        return (self.folder / "log").read_text()

    @property
    def results(self):
        return json.loads((self.folder / "results.json").read_text())

    def pods(self):
        return self.cluster.kubectl("--namespace load get pods --output name").split()


@pytest.fixture(scope="session")
def fleet(counted, project, tmp_path_factory):
    return Fleet(counted, project, tmp_path_factory.mktemp("fleet"))


def answered(cluster):
    """GETs of challenges by the replicas' own count."""
    metrics = [on_node(["curl", "-fsS", f"http://{pod['status']['podIP']}:8080/metrics"]).stdout
               for pod in cluster.get(f"pods --selector app={SERVICES[0]}")["items"]]
    assert len(metrics) == 2 and all(metrics)
    return sum(map(int, re.findall(r'^challenge_api_request_duration_seconds_count\{.*path="/challenge/v1/challenges".*\} (\d+)$', "".join(metrics), re.M)))


def test_a_fleet_of_pods_is_checked_before_any_load(fleet):
    checked = fleet.begin("fleet", "check", *fleet.flags)
    said = fleet.end(checked)
    assert checked.returncode == 0, fleet.log
    assert len(re.findall(r"^gauntlet-\w+-[12] .* 50\.0 % .* ms ", said, re.M)) == 2, said


def test_a_fleet_of_pods_is_one_test(fleet):
    before = answered(fleet.cluster)
    leader = fleet.begin_run(15)
    said = fleet.end(leader)
    assert leader.returncode == 0, fleet.log
    results = fleet.results
    assert results["metrics"]["http_reqs"]["values"]["count"] == answered(fleet.cluster) - before
    agents = {agent["name"]: agent for agent in results["agents"]}
    assert len(agents) == 2 and all(name in said for name in agents)
    assert all(agent["share"] == 0.5 and agent["start_error_ms"] > 0 and not agent["lost"] for agent in agents.values())
    assert sum(agent["iterations"] for agent in agents.values()) == results["metrics"]["iterations"]["values"]["count"]
    assert abs(int.__sub__(*(agent["iterations"] for agent in agents.values()))) <= 1
    began = [float(moment) for moment in re.findall(r"begins at ([0-9.]+)", fleet.log)]  # by the calendar, which nodes here have in common
    with REPORT.open("a") as report:
        report.write(f"gauntlet run --kubernetes 2: {results['metrics']['http_reqs']['values']['count']} requests by both counts, "
                     f"begun {abs(began[0] - began[1]):g} ms apart\n{re.search('AGENTS.*?began[^$]*?began.*?$', said, re.M | re.S)[0]}\n")


def test_ctrl_c_ends_a_fleet_of_pods_after_teardown(fleet):
    leader = fleet.begin_to_interrupt()
    leader.send_signal(signal.SIGINT)
    fleet.end(leader)
    assert leader.returncode == 105 and fleet.log.count("teardown ran") == 1, fleet.log
    assert all(agent["iterations"] > 0 for agent in fleet.results["agents"])


def test_a_pod_that_goes_is_named_and_what_it_sent_counts(fleet):
    leader = fleet.begin_to_interrupt()
    gone = fleet.pods()[1]
    fleet.cluster.kubectl(f"--namespace load delete --now {gone}")
    fleet.end(leader)
    assert leader.returncode == 112, fleet.log
    assert re.search(rf"agent {gone.removeprefix('pod/')} was lost \S+ s into the test, and 50 % of the load with it", fleet.log)
    lost = [agent for agent in fleet.results["agents"] if agent["lost"]]
    assert [agent["name"] for agent in lost] == [gone.removeprefix("pod/")] and lost[0]["iterations"] > 0
    assert fleet.log.count("teardown ran") == 1


def test_an_image_that_cannot_be_pulled_is_told_before_any_load(fleet):
    """Of a registry that is not there."""
    leader = fleet.begin_run(15, "--kubernetes-image", "127.0.0.1:1/gauntlet:1")
    fleet.end(leader)
    assert leader.returncode == 255
    assert re.search(r"agent gauntlet-\w+-[12] did not start", fleet.log) and "connection refused" in fleet.log and "ErrImagePull" in fleet.log
    assert "begins at" not in fleet.log


def test_what_is_deleted_leaves_nothing(counted):
    counted.kubectl("delete namespace challenge --timeout=180s")
    assert counted.kubectl("get all --all-namespaces --selector part-of=challenge-backend --output name") == ""
