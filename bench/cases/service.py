"""challenge-service: CPU per request of the service and of PostgreSQL apart. The Go service's figures are recorded
anchors of the same kind of machine (it is not part of this repository), so those ratios are across runs."""
import os
import re
import statistics
import subprocess
import time
import urllib.request

from measure import BIN, ROOT, find_peer, peak_mb, run
from stack import DATABASE, SERVICE, Stack

# ms of CPU per request of the Go service: (service, PostgreSQL).
GO = {"list": (1.87, 0.39), "healthz": (0.42, 0.06), "initialize, new players": (0.55, 0.95),
      "initialize, returning players": (0.51, 0.65)}


def load(stack, path, seconds, connections=8, script="random_user.lua", **variables):
    """wrk against the service; returns requests/s and CPU ms per request of wrk, service and database."""
    before = stack.cpu()
    ended = run([find_peer("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s",
                 ROOT / "bench/scripts" / script, f"{stack.env['BASE_URL']}{path}"], env=variables)
    after = stack.cpu()
    requests = int(re.search(r"(\d+) requests in", ended.out)[1])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", ended.out)
    if failed:
        raise SystemExit(f"bench: {failed[1]} of {requests} answers of {path} were errors")
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", ended.out)[1]),
            "client": ended.cpu * 1000 / requests,
            "service": (after[SERVICE] - before[SERVICE]) * 1000 / requests,
            "database": (after[DATABASE] - before[DATABASE]) * 1000 / requests}


def measure(table, pairs, seconds):
    if find_peer("wrk") is None:
        print("  wrk is not on this machine (scripts/install-deps --bench); nothing measured")
        return
    command = "make bench"
    with Stack() as stack:
        stack.reset()
        cases = [("list", "GET /v1/challenges, 500 goals, 10 rows", "/v1/challenges", {}, "<= 0.20 + 0.10"),
                 ("healthz", "GET /healthz", "/healthz", {}, ""),
                 ("initialize, returning players", "POST /v1/challenges/initialize, returning", "/v1/challenges/initialize", {"METHOD": "POST"}, "5x"),
                 ("initialize, new players", "POST /v1/challenges/initialize, new", "/v1/challenges/initialize",
                  {"METHOD": "POST", "FIRST_USER": "1000000", "USERS": "9000000", "IN_TURN": "1"}, "5x")]
        for key, name, path, variables, goal in cases:
            got = load(stack, path, seconds, **variables)
            go = sum(GO[key])
            ours = got["service"] + got["database"]
            table.add(f"{name}: CPU of service + PostgreSQL ({got['service']:.3f} + {got['database']:.3f})", "ms/request", ours,
                      "Go (recorded)", go, go / ours, None, goal, command)
            table.add(f"{name}: rate at 8 connections, wrk on the same cores", "requests/s", got["rate"], command=command,
                      goal=">= 5,000" if key == "list" else "")
            if key == "list":
                half = int(got["rate"] / 2)
                median, slow = durations_at(stack, half, seconds)
                table.add(f"GET /v1/challenges, 500 goals, at {half:,}/s, half of that: p99 (median {median:.2f})", "ms", slow,
                          goal="<= 10", command=command)
        for goals, config in [(500, None), (5000, "100")]:
            table.add(f"start of the service to its first request, {goals:,} goals: median of 5", "ms", start_ms(stack, config),
                      goal="< 300" if goals == 500 else "", command=command)
        load(stack, "/v1/challenges", seconds, connections=1000)
        table.add("memory at its highest, the list at 1,000 connections", "MB", peak_mb(stack.pids()[SERVICE]), goal="< 100", command=command)

        # Every seeded goal is claimed once, by players in turn, so nothing is refused.
        stack.reset("--completed", "1")
        got = load(stack, "/v1/challenges", seconds, script="claims.lua")
        table.add(f"claim, mock rewards at once: CPU of service + PostgreSQL ({got['service']:.3f} + {got['database']:.3f})",
                  "ms/request", got["service"] + got["database"], goal="<= 0.5", command=command)
        for coding in ["gzip", "zstd"]:
            got = load(stack, "/v1/challenges", seconds, ACCEPT_ENCODING=coding)
            table.add(f"GET /v1/challenges, 500 goals, 10 rows, {coding}: CPU of service + PostgreSQL "
                      f"({got['service']:.3f} + {got['database']:.3f})", "ms/request", got["service"] + got["database"],
                      goal="<= 0.10 service", command=command)
        etag = tag_of(stack, "user-000001")
        got = load(stack, "/v1/challenges", seconds, FIRST_USER="1", USERS="1", IF_NONE_MATCH=etag)
        table.add(f"GET /v1/challenges not changed, 304: CPU of service + PostgreSQL ({got['service']:.3f} + {got['database']:.3f})",
                  "ms/request", got["service"] + got["database"], goal="<= 0.03 service", command=command)
    for challenges in [1, 10, 100]:
        with Stack(challenges) as stack:
            growth(table, stack, challenges * 50, seconds, command)


def durations_at(stack, rate, seconds):
    """Median and p99 of the list's durations in ms at that many requests a second."""
    ended = run([BIN / "k6", "run", "--quiet", ROOT / "bench/scripts/list_at_rate.js"],
                env={**stack.env, "RATE": str(rate), "DURATION": f"{max(5, seconds)}s"})
    found = re.search(r"http_req_duration\.*: med=([\d.]+)(µs|ms|s)\s+p\(99\)=([\d.]+)(µs|ms|s)", ended.out)
    unit_ms = {"µs": 0.001, "ms": 1, "s": 1000}
    return float(found[1]) * unit_ms[found[2]], float(found[3]) * unit_ms[found[4]]


def start_ms(stack, challenges):
    """From the start of a further service on the stack's database until it says that it takes requests."""
    config = ROOT / "test/fixtures/challenges.json"
    if challenges:
        config = ROOT / f"build/bench-fixtures-{challenges}/challenges.json"
        stack.gauntlet("fixtures", "challenges", "--challenges", challenges, "--active", "10", "--out", config.parent)
    env = {**os.environ, "DB_HOST": stack.env["PGHOST"], "DB_PORT": stack.env["PGPORT"], "DB_NAME": stack.env["PGDATABASE"],
           "DB_USER": stack.env["PGUSER"], "DB_PASSWORD": stack.env["PGPASSWORD"], "PLUGIN_GRPC_SERVER_AUTH_ENABLED": "false",
           "REWARD_CLIENT_MODE": "mock",
           "HTTP_PORT": "0", "GRPC_PORT": "0", "METRICS_PORT": "0", "CHALLENGE_CONFIG_PATH": str(config)}
    times = []
    for _ in range(5):
        began = time.monotonic()
        with subprocess.Popen([BIN / SERVICE], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as service:
            next(line for line in service.stdout if "challenge-service is serving" in line)
            times.append((time.monotonic() - began) * 1000)
            service.terminate()
            service.communicate(timeout=20)
    return statistics.median(times)


def growth(table, stack, goals, seconds, command):
    """What a GET costs by the number of configured goals, for players with 10 rows."""
    players = {"FIRST_USER": "1", "USERS": "1000"}
    load(stack, "/v1/challenges/initialize", 2, METHOD="POST", IN_TURN="1", **players)
    tag = tag_of(stack, "user-000001")
    for name, path, variables in [("plain", "/v1/challenges", players), ("gzip", "/v1/challenges", {**players, "ACCEPT_ENCODING": "gzip"}),
                                  ("active_only", "/v1/challenges?active_only=true", players),
                                  ("304", "/v1/challenges", {"FIRST_USER": "1", "USERS": "1", "IF_NONE_MATCH": tag})]:
        got = load(stack, path, seconds, **variables)
        table.add(f"GET /v1/challenges, {goals:,} goals configured, 10 rows, {name}: CPU of service + PostgreSQL "
                  f"({got['service']:.3f} + {got['database']:.3f})", "ms/request", got["service"], command=command)


def tag_of(stack, user):
    request = urllib.request.Request(f"{stack.env['BASE_URL']}/v1/challenges", headers={"X-Mock-User-Id": user})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["etag"]
