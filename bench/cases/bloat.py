"""Does the table grow under updates? Scenario 2 at 5,000 events/s for --seconds (30 minutes by make bench-bloat), with the
sizes of table and index, the dead rows and the share of heap-only updates at every twelfth of the time."""
import json
import subprocess
import threading

from measure import BIN, RESULTS, ROOT
from stack import Stack

RATE = 5000
SAMPLES = 12
QUESTION = """SELECT json_build_object(
  'table_mb', pg_relation_size('user_goal_progress') / 1e6, 'index_mb', pg_indexes_size('user_goal_progress') / 1e6,
  'dead_rows', n_dead_tup, 'updates', n_tup_upd, 'heap_only', n_tup_hot_upd,
  'vacuums', vacuum_count + autovacuum_count) FROM pg_stat_user_tables WHERE relname = 'user_goal_progress'"""


def sample(stack):
    said = stack.sql(QUESTION)
    return json.loads(said[said.index("{"):said.rindex("}") + 1])


def measure(table, pairs, seconds):
    command = "make bench-bloat"
    samples = []
    with Stack() as stack:
        stack.reset()
        summary = RESULTS / "bloat.json"
        engine = subprocess.Popen(
            [BIN / "gauntlet", "run", "--quiet", "--out", f"json={summary}", ROOT / "test/k6/scenario2_event_load.js"], cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            env={**stack.env, "PATH": "/usr/bin:/bin", "TARGET_EPS": str(RATE), "DURATION": f"{seconds}s"})
        tick = threading.Event()
        try:
            while engine.poll() is None and len(samples) < 2 * SAMPLES:
                samples.append(sample(stack))
                got = samples[-1]
                share = got["heap_only"] / max(1, got["updates"])
                print(f"  table {got['table_mb']:.1f} MB, indexes {got['index_mb']:.1f} MB, {got['dead_rows']:,} dead rows, "
                      f"{got['updates']:,} updates, {share:.2%} heap-only, {got['vacuums']} vacuums", flush=True)
                tick.wait(seconds / SAMPLES)
            engine.wait(60)
        finally:
            engine.kill()
            engine.wait()
        samples.append(sample(stack))
    events = json.loads(summary.read_text())["metrics"]["iterations"]["values"]["count"]
    # The first quarter is that of a table fresh from its seeding: the room that fillfactor leaves is being filled.
    settled, last = samples[len(samples) // 4], samples[-1]
    where = f"{seconds} s of {RATE:,} events/s, {events / seconds:,.0f}/s achieved"
    for what, unit, key in (("table", "MB", "table_mb"), ("indexes", "MB", "index_mb")):
        table.add(f"{where}: {what} at the end", unit, last[key], "after a quarter", settled[key], settled[key] / last[key], None, "flat", command)
    table.add(f"{where}: heap-only share of {last['updates']:,} updates", "%", 100 * last["heap_only"] / max(1, last["updates"]), goal="> 99",
              command=command)
