"""challenge-event-handler under scenario 2 as written, our engine beside it on the same cores."""
import json

from measure import BIN, RESULTS, ROOT, run
from stack import DATABASE, HANDLER, Stack

GO_MS_PER_EVENT = 2.5  # recorded: 1.1 ms in the Go handler and 1.4 ms in PostgreSQL
GO_CEILING = 490       # events/s at saturation, recorded


def level(stack, rate, seconds):
    """Runs scenario 2 at a rate; returns its summary and CPU ms per event of handler, database and generator."""
    stack.reset()
    summary = RESULTS / "events.json"
    before = stack.cpu()
    ended = run([BIN / "k6", "run", "--quiet", "--duration", f"{seconds}s", "--out", f"json={summary}",
                 ROOT / "test/k6/scenario2_event_load.js"],
                env={"TARGET_EPS": str(rate), "EVENT_HANDLER_ADDR": stack.env["EVENT_HANDLER_ADDR"]}, check=False)
    after = stack.cpu()
    metrics = json.loads(summary.read_text())["metrics"]
    events = metrics["iterations"]["values"]["count"]
    spent = {name: (after[name] - before[name]) * 1000 / events for name in (HANDLER, DATABASE)}
    return {"exit": ended.code, "achieved": events / seconds, "p95": metrics["grpc_req_duration"]["values"]["p(95)"],
            "dropped": metrics.get("dropped_iterations", {"values": {"count": 0}})["values"]["count"],
            "handler": spent[HANDLER], "database": spent[DATABASE], "generator": ended.cpu * 1000 / events}


def measure(table, pairs, seconds):
    command = "make bench"
    seconds = max(seconds, 10)
    with Stack() as stack:
        for rate, goal in ((100, "p95 <= 5"), (2000, ""), (5000, ""), (10000, "p95 < 50")):
            got = level(stack, rate, seconds)
            both = got["handler"] + got["database"]
            table.add(f"scenario 2 at {rate}/s: CPU of handler + PostgreSQL ({got['handler']:.3f} + {got['database']:.3f}; "
                      f"generator {got['generator']:.3f})", "ms/event", both, "Go (recorded)", GO_MS_PER_EVENT,
                      GO_MS_PER_EVENT / both, None, "<= 0.06", command)
            table.add(f"scenario 2 at {rate}/s: p95, {got['achieved']:,.0f}/s achieved, {got['dropped']} dropped", "ms", got["p95"],
                      goal=goal, command=command)
