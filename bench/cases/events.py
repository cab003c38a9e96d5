"""challenge-event-handler: CPU an event at saturation, in each mode, with growing configs and tables; then scenario 2 as
written, our engine beside it on the same cores, up to the highest rate that holds. Go's column is what was recorded of
the Go handler on another machine."""
from measure import BIN, run
from stack import DATABASE, GENERATOR, HANDLER, Stack

GO = "Go (recorded)"
GO_MS_PER_EVENT = 2.5  # 1.1 ms in the Go handler and 1.4 ms in PostgreSQL
GO_HANDLER_MS_PER_EVENT = 1.1
GO_CEILING = 490       # events/s at saturation
COLUMNS = ["connections", "x", "in_flight", "dedup", "mode", "rate", "handler_us", "database_us", "both_us", "p50", "p95", "memory_mb",
           "failed", "exit"]


def saturate(seconds, *arguments):
    """One row of bench-events."""
    ended = run([BIN / "bench-events", "--seconds", seconds, *arguments], timeout=900)
    row = dict(zip(COLUMNS, ended.out.splitlines()[1].split()))
    return {name: value if name in ("x", "dedup", "mode") else float(value) for name, value in row.items()}


def saturation(table, seconds):
    command = "make bench-events"
    shapes = [("1 connection x 500 calls", ["--connections", 1, "--in-flight", 500]),
              ("100 connections x 5 calls", ["--connections", 100, "--in-flight", 5]),
              ("3,000 connections x 1 call", ["--connections", 3000, "--in-flight", 1])]
    for name, shape in shapes:
        for dedup in ("all", "off"):
            got = saturate(seconds, *shape, "--dedup", dedup)
            what = "each id remembered" if dedup == "all" else "no deduplication"
            both, alone = got["both_us"] / 1000, got["handler_us"] / 1000
            table.add(f"saturated, {name}, {what}: CPU of handler + PostgreSQL, {got['rate']:,.0f}/s", "ms/event", both, GO,
                      GO_MS_PER_EVENT, GO_MS_PER_EVENT / both, None, "<= 0.06" if dedup == "all" else "", command)
            table.add(f"saturated, {name}, {what}: CPU of the handler alone, {got['memory_mb']:.0f} MB", "ms/event", alone, GO,
                      GO_HANDLER_MS_PER_EVENT, GO_HANDLER_MS_PER_EVENT / alone, None, "<= 0.025", command)
    shape = shapes[1][1]
    for mode, what in (("buffered", "answered on arrival"), ("upsert", "rows created, up to 100 an event")):
        got = saturate(seconds, *shape, "--mode", mode)
        table.add(f"saturated, {what}: CPU of handler + PostgreSQL, {got['rate']:,.0f}/s", "ms/event", got["both_us"] / 1000, GO,
                  GO_MS_PER_EVENT, GO_MS_PER_EVENT / got["both_us"] * 1000, None, "", command)
    usual = saturate(seconds, *shape)["both_us"] / 1000
    for what, arguments in (("50,000 goals configured", ["--challenges", 1000]), ("10^6 rows in the table", ["--players", 100_000]),
                            ("10^7 rows in the table", ["--players", 1_000_000])):
        got = saturate(seconds, *shape, *arguments)["both_us"] / 1000
        table.add(f"saturated, {what}: CPU of handler + PostgreSQL", "ms/event", got, "500 goals, 10^5 rows", usual, usual / got, None,
                  "flat", command)


def level(stack, rate, seconds):
    """Runs scenario 2 at a rate; returns its summary and CPU ms per event of handler, database and generator."""
    ended, metrics, spent = stack.scenario("scenario2_event_load.js", seconds, TARGET_EPS=str(rate))
    return {"exit": ended.code, "achieved": metrics["iterations"]["count"] / seconds, "p95": metrics["grpc_req_duration"]["p(95)"],
            "dropped": metrics.get("dropped_iterations", {"count": 0})["count"],
            "handler": spent[HANDLER], "database": spent[DATABASE], "generator": spent[GENERATOR]}


def scenario_2(table, seconds):
    command = "make bench-events"
    highest = 0
    with Stack() as stack:
        for rate, goal in ((100, "p95 <= 5"), (2000, ""), (5000, ""), (10000, "p95 < 50"), (15000, ""), (20000, "")):
            got = level(stack, rate, seconds)
            both = got["handler"] + got["database"]
            table.add(f"scenario 2 at {rate}/s: CPU of handler + PostgreSQL ({got['handler']:.3f} + {got['database']:.3f}; "
                      f"generator {got['generator']:.3f})", "ms/event", both, GO, GO_MS_PER_EVENT,
                      GO_MS_PER_EVENT / both, None, "<= 0.06", command)
            table.add(f"scenario 2 at {rate}/s: p95, {got['achieved']:,.0f}/s achieved, {got['dropped']} dropped", "ms", got["p95"],
                      goal=goal, command=command)
            if got["exit"] != 0 or got["dropped"] > rate * seconds / 1000:
                break
            highest = rate
    if highest:
        table.add("scenario 2: highest of these rates inside its thresholds, < 0.1 % dropped", "events/s", highest, GO, GO_CEILING,
                  highest / GO_CEILING, None, "20,000", command)


def measure(table, pairs, seconds):
    saturation(table, seconds)
    scenario_2(table, max(seconds, 10))
