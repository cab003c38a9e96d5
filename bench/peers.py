"""Other load generators doing the same work: how each is started, and what it says. measure.find_peer() knows where they are."""
import json
import math
import re

from measure import RESULTS, ROOT, find_peer, run

HEADERS = {"Authorization": "Bearer token-1", "Content-Type": "application/json", "X-Mock-User-Id": "user-1"}
UNIT_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
LOCUSTFILE = """
from locust import FastHttpUser, task
class User(FastHttpUser):
    @task
    def get(self):
        self.client.get({path!r}, headers={headers!r})
"""


class Said:
    """A peer's run: successful requests, its 99th percentile in ms (None: it has none), CPU seconds, most memory in MB."""

    def __init__(self, ended, requests, p99_ms=None):
        self.requests, self.p99_ms, self.cpu, self.peak_mb = requests, p99_ms, ended.cpu, ended.peak_mb

    def rate(self):
        return self.requests / self.cpu


def flags(option, separator=": "):
    return [word for name, value in HEADERS.items() for word in (option, f"{name}{separator}{value}")]


def wrk(url, connections, seconds):
    ended = run([find_peer("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *flags("-H"), url])
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", ended.out)
    return Said(ended, int(re.search(r"(\d+) requests in", ended.out)[1]), float(p99[1]) * UNIT_MS[p99[2]])


def h2load(url, connections, seconds):
    ended = run([find_peer("h2load"), "--h1", "-t1", f"-c{connections}", f"-D{seconds}", *flags("-H"), url])
    return Said(ended, int(re.search(r"(\d+) succeeded", ended.out)[1]))


def hey(url, connections, seconds):
    ended = run([find_peer("hey"), "-c", connections, "-z", f"{seconds}s", *flags("-H"), url])
    p99 = re.search(r"99% in ([\d.]+) secs", ended.out)
    return Said(ended, int(re.search(r"\[200\]\s+(\d+) responses", ended.out)[1]), float(p99[1]) * 1e3 if p99 else None)


def vegeta(url, connections, seconds):
    attack = [find_peer("vegeta"), "attack", "-rate=0", f"-workers={connections}", f"-max-workers={connections}", f"-connections={connections}",
              f"-duration={seconds}s", *flags("-header")]
    shell = 'url=$1; shift; vegeta=$1; echo "GET $url" | "$@" | "$vegeta" report -type=json'
    ended = run(["sh", "-c", shell, "sh", url, *attack])
    report = json.loads(ended.out)
    return Said(ended, report["status_codes"]["200"], report["latencies"]["99th"] / 1e6)


def bombardier(url, connections, seconds):
    ended = run([find_peer("bombardier"), "-c", connections, "-d", f"{seconds}s", "-l", "-p", "r", "-o", "json", *flags("-H"), url])
    result = json.loads(ended.out)["result"]
    return Said(ended, result["req2xx"], result["latency"]["percentiles"]["99"] / 1e3)


def oha(url, connections, seconds):
    ended = run([find_peer("oha"), "--no-tui", "-j", "-c", connections, "-z", f"{seconds}s", *flags("-H"), url])
    report = json.loads(ended.out)
    return Said(ended, report["statusCodeDistribution"]["200"], report["latencyPercentiles"]["p99"] * 1e3)


def locust(url, connections, seconds):
    host, _, path = url.rpartition("/")
    script = RESULTS / "locustfile.py"
    RESULTS.mkdir(parents=True, exist_ok=True)
    script.write_text(LOCUSTFILE.format(path=f"/{path}", headers=HEADERS))
    ended = run([find_peer("locust"), "-f", script, "--headless", "--json", "--loglevel", "ERROR", "-H", host, "-u", connections, "-r", connections,
                 "-t", f"{seconds}s", "--stop-timeout", "1"])
    row = json.loads(ended.out[ended.out.index("["):ended.out.rindex("]") + 1])[0]
    left = math.ceil(row["num_requests"] * 0.01)  # as many are at or above the 99th percentile
    for time_ms, count in sorted(((float(key), count) for key, count in row["response_times"].items()), reverse=True):
        left -= count
        if left <= 0:
            break
    return Said(ended, row["num_requests"] - row["num_failures"], time_ms)


def ghz(address, connections, seconds):
    """Unary calls of the statistic event, one at a time on each connection."""
    ended = run([find_peer("ghz"), "--insecure", "--import-paths", ROOT / "proto/accelbyte-asyncapi", "--proto",
                 ROOT / "proto/accelbyte-asyncapi/social/statistic/v1/statistic.proto", "--call",
                 "accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage", "-d",
                 '{"id":"1","version":1,"namespace":"test","name":"statItemUpdated","userId":"user-000001",'
                 '"payload":{"statCode":"enemy_kills","userId":"user-000001","latestValue":17,"inc":1}}',
                 "-c", connections, "--connections", connections, "-z", f"{seconds}s", "-O", "json", address])
    report = json.loads(ended.out)
    return Said(ended, report["statusCodeDistribution"]["OK"])


HTTP = {peer.__name__: peer for peer in (wrk, h2load, hey, vegeta, bombardier, oha, locust)}
# More connections than this are not tried with a peer: locust's one process takes a minute to start so many users.
MOST_CONNECTIONS = {"locust": 1000}
