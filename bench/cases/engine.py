"""The engine's work per client CPU-second, beside a k6 that K6=/path names where there is one, the same server for all."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import time

from measure import BIN, ROOT, RESULTS, cpu_of_tree, find_peer, k6_count, paired, run, wait_line
from peers import wrk

SCRIPTS = ROOT / "bench" / "scripts"


class Target:
    """The server that all generators of a case are pointed at."""

    def __init__(self, *command):
        self.command = command or (BIN / "bench-target",)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        port = wait_line(self.process, r"port (\d+)")[1]
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run_k6(binary, *arguments, env=None):
    """A run of a k6 (ours or real) to its end; the real one without its server and its report of use."""
    real = [] if str(binary).startswith(str(BIN)) else ["-a", "", "--no-usage-report"]
    return run([binary, "run", "--quiet", *real, *arguments], env=env)


def k6_rate(binary, script, vus, seconds, env, flags=(), count="iterations"):
    """Iterations (or what another counter counts) per CPU-second of a k6 (ours or real)."""
    ended = run_k6(binary, "--no-color", "--vus", vus, "--duration", f"{seconds}s", *flags, script, env=env)
    return k6_count(ended.out, count) / ended.cpu


def compare(table, work, unit, goal, ours, peers, pairs, command):
    measured = False
    for name, peer, peer_goal in peers:
        if find_peer(name) is None:
            print(f"  {work}: {name} is not on this machine, no ratio")
            continue
        a, b, ratio, low, high = paired(pairs, ours, peer)
        table.add(work, unit, a, name, b, ratio, (low, high), peer_goal, command)
        measured = True
    if not measured:
        table.add(work, unit, ours(), goal=goal, command=command)


def measure(table, pairs, seconds):
    ours, k6 = BIN / "k6", find_peer("k6")
    with Target() as target:
        env = {"BASE_URL": target.url}
        grpc_env = {"ADDR": target.url.removeprefix("http://")}
        for vus in (50, 1000):
            compare(table, f"gRPC unary + check, {vus} connections", "calls/client CPU-s", "",
                    lambda: k6_rate(ours, SCRIPTS / "grpc_unary.js", vus, seconds, grpc_env),
                    [("k6", lambda: k6_rate(k6, SCRIPTS / "grpc_unary.js", vus, seconds, grpc_env), ">= 10")], pairs, "make bench-engine")
        for read, goal in (("none", ">= 9,000/s"), ("parse", ">= 3,500/s"), ("walk", ">= 2,500/s")):
            large_env = {**env, "READ": read}
            peers = [("k6", lambda: k6_rate(k6, SCRIPTS / "large_get.js", 10, seconds, large_env), goal)]
            if read == "none":
                peers.append(("wrk", lambda: wrk(target.url + "/large", 10, seconds).rate(), goal))
            compare(table, f"180 KB GET, body {read}", "iterations/client CPU-s", goal,
                    lambda: k6_rate(ours, SCRIPTS / "large_get.js", 10, seconds, large_env), peers, pairs, "make bench-engine")
        open_model(table, pairs, seconds, env)
    edge(table, pairs, seconds, ours, k6)
    samples(table, pairs, k6)
    start_up(table)
    idle(table, k6)


def at_rate(rate, vus, seconds, loops=0, env=None):
    """An open model of our engine: what ended, and what the generator says of itself."""
    summary = RESULTS / "at_rate.json"
    ended = run([BIN / "k6", "run", "--quiet", "--out", f"json={summary}", SCRIPTS / "at_rate.js"],
                env={**(env or {}), "RATE": str(rate), "VUS": str(vus), "DURATION": f"{seconds}s", "LOOPS": str(loops)})
    return ended, json.loads(summary.read_text())["generator"]


def open_model(table, pairs, seconds, env):
    """How late iterations begin, and whether users that have nothing to do cost anything. Median of the runs."""
    command = "make bench-engine"
    slip = statistics.median(at_rate(5000, 100, seconds, env=env)[1]["schedule_slip_p99_ms"] for _ in range(pairs))
    table.add("5,000 GETs/s by arrival rate, the server on the same cores: p99 schedule slip", "ms", slip, goal="< 1", command=command)
    loops = 10_000
    for _ in range(3):  # towards 80 %
        loops = int(loops * 0.8 / at_rate(5000, 100, 2, loops)[1]["cpu_share"])
    runs = [at_rate(5000, 100, seconds, loops)[1] for _ in range(pairs)]
    busy = statistics.median(one["cpu_share"] for one in runs)
    table.add(f"5,000 iterations/s that compute, {busy:.0%} of all cores busy: p99 schedule slip", "ms",
              statistics.median(one["schedule_slip_p99_ms"] for one in runs), goal="< 5 at 80 %", command=command)
    few, many, ratio, low, high = paired(pairs, lambda: steady_rate(50, seconds, env), lambda: steady_rate(5000, seconds, env))
    table.add("2,000 GETs/s by arrival rate, of 50 users, without start and end", "requests/client CPU-s", few, "of 5,000 users", many, ratio, (low, high),
              "<= 1.25", command)


def steady_rate(users, seconds, env):
    """GETs for a CPU-second, 2,000 a second, while nobody starts or ends."""
    start_s = 6
    process = subprocess.Popen([BIN / "k6", "run", "--quiet", SCRIPTS / "at_rate.js"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **env, "RATE": "2000", "VUS": str(users), "DURATION": f"{start_s + seconds}s"})
    try:
        time.sleep(start_s)
        before, began = cpu_of_tree(process.pid), time.monotonic()
        time.sleep(seconds - 0.5)
        return 2000 * (time.monotonic() - began) / (cpu_of_tree(process.pid) - before)
    finally:
        process.wait()


def samples(table, pairs, k6):
    """What it takes to write each sample to a file as a line of k6's format."""
    lines = pathlib.Path("/dev/shm") / f"bench-samples-{os.getpid()}"

    def ran(binary, *out):
        return run_k6(binary, "--vus", 10, "--iterations", 2000, *out, SCRIPTS / "samples.js").cpu

    def written(binary, flag):
        """Lines for a CPU-second, of the whole run and of what it costs more than the same run without the file."""
        try:
            bare, whole = ran(binary), ran(binary, "--out", f"{flag}={lines}")
            with lines.open("rb") as stream:
                count = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
            return count / whole, count / (whole - bare)
        finally:
            lines.unlink(missing_ok=True)
    ours = [written(BIN / "k6", "points") for _ in range(pairs)]
    peer = [written(k6, "json") for _ in range(pairs)] if k6 else None
    for which, label in enumerate(("samples made and written to a file", "samples written to a file, without making them")):
        a = statistics.median(one[which] for one in ours)
        b = statistics.median(one[which] for one in peer) if peer else None
        table.add(label, "lines/client CPU-s", a, "k6" if peer else "", b, a / b if peer else None, None, ">= 20", "make bench-engine")


def idle(table, k6):
    """Memory of users that wait."""
    def peak(binary, users):
        return run_k6(binary, "--vus", users, "--iterations", users, SCRIPTS / "idle.js").peak_mb
    ours, peer = peak(BIN / "k6", 10_000), peak(k6, 10_000) if k6 else None
    table.add("10,000 idle users", "MB", ours, "k6" if k6 else "", peer, peer / ours if k6 else None, None, "<= 300", "make bench-engine")
    table.add("100,000 idle users", "MB", peak(BIN / "k6", 100_000), goal="<= 2,500", command="make bench-engine")
    table.add("an idle user that can do HTTP", "KB", (ours - peak(BIN / "k6", 1)) * 1024 / 9_999, goal="<= 25", command="make bench-engine")


def edge(table, pairs, seconds, ours, k6):
    """HTTPS and WebSockets, 50 connections."""
    def compared(work, unit, goal, script, env, **how):
        compare(table, work, unit, "", lambda: k6_rate(ours, SCRIPTS / script, 50, seconds, env, **how),
                [("k6", lambda: k6_rate(k6, SCRIPTS / script, 50, seconds, env, **how), goal)], pairs, "make bench-engine")
    with Target(BIN / "bench-edge") as target:
        compared("WebSocket echo, 50 connections", "messages/client CPU-s", ">= 5", "ws_echo.js", {"WS_URL": f"ws://{target.address}/"},
                 count="ws_msgs_received")
    RESULTS.mkdir(parents=True, exist_ok=True)
    pair = RESULTS / "edge.pem", RESULTS / "edge.key"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=bench",
         "-days", "2", "-out", pair[0], "-keyout", pair[1]])
    with Target(BIN / "bench-edge", *pair) as target:
        compared("HTTPS keep-alive GET + check, 50 VUs", "requests/client CPU-s", ">= 8", "small_get.js",
                 {"BASE_URL": f"https://{target.address}"}, flags=["--insecure-skip-tls-verify"])


def start_up(table):
    """1,000 VUs of scenario 2: from the command to its end, less what one VU costs the same way."""
    def started(binary, vus):
        script = RESULTS / "start.js"
        script.write_text(
            "import grpc from 'k6/net/grpc';\n"
            "const a = new grpc.Client(), b = new grpc.Client();\n"
            f"a.load(['{ROOT}/proto/accelbyte-asyncapi'], 'iam/account/v1/account.proto');\n"
            f"b.load(['{ROOT}/proto/accelbyte-asyncapi'], 'social/statistic/v1/statistic.proto');\n"
            "export default function () {}\n")
        return run_k6(binary, "--vus", vus, "--iterations", vus, script)
    k6 = find_peer("k6")
    for label, pick, goal in (("wall seconds", lambda e: e.seconds, "< 1"), ("CPU-s", lambda e: e.cpu, "< 1"),
                              ("MB", lambda e: e.peak_mb, "< 200")):
        ours = started(BIN / "k6", 1000)
        peer = started(k6, 1000) if k6 else None
        a, b = pick(ours), pick(peer) if peer else None
        table.add("start 1,000 VUs of the event script", label, a, "k6" if peer else "", b, b / a if peer else None, None, goal,
                  "make bench-engine")
