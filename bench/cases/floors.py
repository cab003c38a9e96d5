"""What scenarios 1 and 2 cost beside the parts that nobody can do without, in one run: CPU ms an iteration of generator, program and
PostgreSQL, each with its floor and how many times that it is. Floors are taken at full speed, where a system call serves many.

The generator's floor is wrk for the same requests and simdjson's DOM for the same bodies, or h2load for the same calls; the program's a
server that answers with the same bytes from memory (bench-target); PostgreSQL's pgbench with what the statements must do at least, in
batches as large as the handler's were."""
import json
import re
import statistics
import subprocess
import urllib.request

from engine import Target
from measure import BIN, RESULTS, ROOT, cpu_of_tree, find_peer, run
from service import load
from stack import DATABASE, GENERATOR, HANDLER, SERVICE, Stack

RATES = {"scenario 1": 1000, "scenario 2": 10000}  # iterations a second; the guide's highest level, or what holds
LEAST = 10                                         # seconds of a scenario: its start is not what is measured
CONNECTIONS = 1000                                 # one call at a time on each, as scenario 2's users have theirs
STATISTIC_METHOD = "/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage"
PGBENCH_CLIENTS = {"floor_list.sql": 4, "floor_claim.sql": 4, "floor_events.sql": 2}  # connections; the handler has one a core


def pgbench(stack, script, seconds, **variables):
    """PostgreSQL's CPU ms a transaction of the script."""
    before = stack.cpu()[DATABASE]
    definitions = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    ended = run([find_peer("pgbench"), "-n", "-M", "prepared", "-c", PGBENCH_CLIENTS[script], "-T", seconds, *definitions,
                 "-f", ROOT / "bench/scripts" / script], env=stack.env)
    return (stack.cpu()[DATABASE] - before) * 1000 / int(re.search(r"actually processed: (\d+)", ended.out)[1])


def served(target, command, pattern):
    """CPU ms a request of a client that ends, and of bench-target, which answered it."""
    before = cpu_of_tree(target.process.pid)
    ended = run(command)
    requests = int(re.search(pattern, ended.out)[1])
    return ended.cpu * 1000 / requests, (cpu_of_tree(target.process.pid) - before) * 1000 / requests


def plain_get(target, path, seconds):
    """The server's part of a GET."""
    return served(target, [find_peer("wrk"), "-t1", "-c8", f"-d{seconds}s", target.url + path], r"(\d+) requests in")[1]


def scenario_1(seconds):
    """Per part, ours and the floor."""
    with Stack() as stack:
        authorization = f"Bearer {json.loads((ROOT / 'test/fixtures/tokens.json').read_text())[0]}"
        _, metrics, spent = stack.scenario("scenario1_api_load.js", max(seconds, LEAST), TARGET_RPS=str(RATES["scenario 1"]))
        claims = metrics["http_reqs"]["count"] / metrics["iterations"]["count"] - 1  # an iteration
        body = RESULTS / "list.json"
        with urllib.request.urlopen(urllib.request.Request(f"{stack.env['BASE_URL']}/v1/challenges",
                                                           headers={"X-Mock-User-Id": "user-000001"}), timeout=10) as answer:
            body.write_bytes(answer.read())
        parse = float(run([BIN / "bench-json", body, 1]).out) / 1000
        list_client = load(stack, "/v1/challenges", seconds, AUTHORIZATION=authorization)["client"]
        list_database = pgbench(stack, "floor_list.sql", seconds)
        stack.reset("--completed", "1")
        claim_client = load(stack, "/v1/challenges", seconds, script="claims.lua")["client"]
        stack.reset("--completed", "1")
        claim_database = pgbench(stack, "floor_claim.sql", seconds)
    with Target(BIN / "bench-target", "--large", body) as target:
        server = plain_get(target, "/large", seconds) + claims * plain_get(target, "/small", seconds)
    return {"generator": (spent[GENERATOR], list_client + parse + claims * claim_client),
            "service": (spent[SERVICE], server),
            "PostgreSQL": (spent[DATABASE], list_database + claims * claim_database)}


def metric(stack, name):
    """A metric of the handler, summed over its labels."""
    with urllib.request.urlopen(f"{stack.env['EVENT_HANDLER_METRICS_URL']}/metrics", timeout=10) as answer:
        found = re.findall(rf"^{name}(?:{{.*}})? ([\d.e+]+)$", answer.read().decode(), re.MULTILINE)
    return sum(map(float, found))


def scenario_2(seconds):
    counted = ["challenge_buffer_flush_events_count", "challenge_buffer_flush_events_sum", "challenge_event_rows_written_total"]
    with Stack() as stack:
        _, metrics, spent = stack.scenario("scenario2_event_load.js", max(seconds, LEAST), TARGET_EPS=str(RATES["scenario 2"]))
        batches, events, rows = (metric(stack, name) for name in counted)
        stack.reset()
        database = pgbench(stack, "floor_events.sql", seconds, events=round(events / batches), rows=round(rows / batches)) * batches / events
    message = RESULTS / "event.bin"
    encoded = subprocess.run(["protoc", f"-I{ROOT}/proto/accelbyte-asyncapi", "--encode=accelbyte.social.statistic.v1.StatItemUpdated",
                              "social/statistic/v1/statistic.proto"], capture_output=True, check=True,
                             input=b'id: "mi3q8x2k7f2n1-1000-1000" version: 1 name: "statItemUpdated" namespace: "test" user_id: "user-000001" '
                                   b'timestamp: "2026-01-01T00:00:00.000Z" payload { namespace: "test" stat_code: "enemy_kills" '
                                   b'user_id: "user-000001" latest_value: 500 inc: 1 }').stdout
    message.write_bytes(b"\0" + len(encoded).to_bytes(4, "big") + encoded)
    with Target() as target:
        client, server = served(target, [find_peer("h2load"), "-t1", f"-c{CONNECTIONS}", "-m1", f"-D{seconds}", "-d", message,
                                         "-H", "content-type: application/grpc", "-H", "te: trailers", target.url + STATISTIC_METHOD],
                                r"(\d+) succeeded")
    print(f"  {metrics['iterations']['count'] / max(seconds, LEAST):,.0f} events/s in batches of {events / batches:.0f}, {rows / events:.2f} rows an event")
    return {"generator": (spent[GENERATOR], client), "event handler": (spent[HANDLER], server), "PostgreSQL": (spent[DATABASE], database)}


def measure(table, pairs, seconds):
    missing = [name for name in ("wrk", "h2load", "pgbench", "protoc") if find_peer(name) is None]
    if missing:
        print(f"  {', '.join(missing)}: not on this machine (scripts/install-deps --bench); nothing measured")
        return
    for name, scenario in (("scenario 1", scenario_1), ("scenario 2", scenario_2)):
        runs = [scenario(seconds) for _ in range(pairs)]
        for one in runs:
            one["all"] = tuple(map(sum, zip(*one.values())))
        for part in runs[0]:
            ours, floor = ([one[part][i] for one in runs] for i in (0, 1))
            times = [a / b for a, b in zip(ours, floor)]
            table.add(f"{name} at {RATES[name]:,}/s, {part}: times its floor", "ms/iteration", statistics.median(ours), "floor",
                      statistics.median(floor), statistics.median(times), (min(times), max(times)), "<= 1.5" if part == "all" else "",
                      "bench/run floors")
