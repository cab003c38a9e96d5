"""The engine beside the other generators found on this machine (PEERS=1 make bench installs them into build/peers): the same GETs and
calls to the same server, by requests per CPU-second of the generator, its memory, and the error of its 99th percentile."""
import json
import statistics
import sys

from engine import SCRIPTS, Target, compare, k6_rate
from measure import BIN, RESULTS, ROOT, find_peer, paired, run
from peers import HTTP, MOST_CONNECTIONS, ghz

sys.path.insert(0, str(ROOT / "tests" / "support"))
from delay_server import DelayServer, delay_server  # noqa: E402

COMMAND = "bench/run generators"
GOALS = {50: ">= 0.7 of wrk", 1000: ">= 0.6 of wrk", 10000: ">= 0.5 of wrk"}


def small_gets(table, target, connections, pairs, seconds):
    """Work per CPU-second and most memory, in the same runs."""
    script, url = SCRIPTS / "small_get.js", f"{target.url}/small"
    flags = [BIN / "k6", "run", "--quiet", "--no-color", "--vus", connections, "--duration", f"{seconds}s", script]
    work, memory = f"small keep-alive GET, {connections:,} connections", []
    for name, generator in HTTP.items():
        if find_peer(name) is None:
            print(f"  {work}: {name} is not on this machine, no ratio")
            continue
        if connections > MOST_CONNECTIONS.get(name, connections):
            continue
        most = []

        def peer():
            said = generator(url, connections, seconds)
            most.append(said.peak_mb)
            return said.rate()
        a, b, ratio, low, high = paired(pairs, lambda: k6_rate(BIN / "k6", script, connections, seconds, {"BASE_URL": target.url}), peer)
        table.add(work, "requests/client CPU-s", a, name, b, ratio, (low, high), GOALS[connections] if name == "wrk" else "", COMMAND)
        memory.append((name, statistics.median(most)))
    if connections == 50:
        return  # the process that measures has more memory than small generators
    ours = run(flags, env={"BASE_URL": target.url}).peak_mb
    for name, theirs in memory:
        table.add(f"{work}: most memory", "MB", ours, name, theirs, theirs / ours, command=COMMAND)


def error_percent(said_ms):
    """How far a 99th percentile is from what the server really took."""
    known_ms = statistics.quantiles(DelayServer.taken_ms, n=100)[98]
    return 100 * (said_ms / known_ms - 1)


def truth(table, seconds):
    """Delays of 20 to 1,000 ms with a long tail, 50 connections."""
    summary, work = RESULTS / "truth.json", "99th percentile against a server's own times of 20 to 1,000 ms: error"
    RESULTS.mkdir(parents=True, exist_ok=True)
    with delay_server() as port:
        run([BIN / "k6", "run", "--quiet", "--vus", 50, "--duration", f"{4 * seconds}s", "--summary-trend-stats", "p(99)", "--out", f"json={summary}",
             SCRIPTS / "varied_get.js"], env={"BASE_URL": f"http://127.0.0.1:{port}"})
        ours = error_percent(json.loads(summary.read_text())["metrics"]["http_req_duration"]["values"]["p(99)"])
    for name, generator in HTTP.items():
        if find_peer(name) is None:
            continue
        with delay_server() as port:
            p99_ms = generator(f"http://127.0.0.1:{port}/varied", 50, 4 * seconds).p99_ms
            table.add(work, "%", ours, name, None if p99_ms is None else error_percent(p99_ms), command=COMMAND)


def measure(table, pairs, seconds):
    with Target() as target:
        for connections in GOALS:
            small_gets(table, target, connections, pairs, seconds)
        k6 = find_peer("k6")
        if k6:
            compare(table, "small keep-alive GET + check, 50 connections", "requests/client CPU-s", "",
                    lambda: k6_rate(BIN / "k6", SCRIPTS / "small_get.js", 50, seconds, {"BASE_URL": target.url}),
                    [("k6", lambda: k6_rate(k6, SCRIPTS / "small_get.js", 50, seconds, {"BASE_URL": target.url}), ">= 10")], pairs, COMMAND)
        for connections in (50, 1000):
            compare(table, f"gRPC unary, {connections:,} connections", "calls/client CPU-s", "",
                    lambda: k6_rate(BIN / "k6", SCRIPTS / "grpc_unary.js", connections, seconds, {"ADDR": target.address}),
                    [("ghz", lambda: ghz(target.address, connections, seconds).rate(), "")], pairs, COMMAND)
    truth(table, seconds)
