"""Does anything grow? Scenario 3 (API and events at once; TARGET_RPS and TARGET_EPS, 100 and 5000) on one stack for --seconds, 30
minutes by make soak, with a browser on the live page: every 20 s resident memory, descriptors, threads and log of each process,
size of table, index and WAL, dead rows, the share of heap-only updates and the heap of the page. All of it goes to
bench/results/soak.csv; with --write-docs the plot goes to docs/images/soak.svg."""
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from measure import BIN, RESULTS, ROOT, tree
from stack import DATABASE, HANDLER, SERVICE, STATE, Stack

sys.path.insert(0, str(ROOT / "tests" / "support"))
from live_page import launch_chromium, page_address  # noqa: E402

TARGET_RPS, TARGET_EPS = int(os.environ.get("TARGET_RPS", "100")), int(os.environ.get("TARGET_EPS", "5000"))
INTERVAL_S = 20
GENERATOR = "generator"
SETTLED_S = 120  # when start-up is over: what the end is compared with
QUESTION = """SELECT json_build_object(
  'table_mb', pg_relation_size('user_goal_progress') / 1e6, 'index_mb', pg_indexes_size('user_goal_progress') / 1e6,
  'dead_rows', n_dead_tup, 'updates', n_tup_upd, 'heap_only', n_tup_hot_upd, 'vacuums', vacuum_count + autovacuum_count,
  'wal_kept_mb', (SELECT sum(size) FROM pg_ls_waldir()) / 1e6, 'wal_written_mb', (pg_current_wal_lsn() - '0/0'::pg_lsn) / 1e6)
  FROM pg_stat_user_tables WHERE relname = 'user_goal_progress'"""
PLOTS = [("private memory, MB", "_mb", (SERVICE, HANDLER, DATABASE, GENERATOR)), ("descriptors", "_descriptors", (SERVICE, HANDLER, DATABASE, GENERATOR)),
         ("threads", "_threads", (SERVICE, HANDLER, DATABASE, GENERATOR)), ("log, kB a minute", "_log_kb", (SERVICE, HANDLER, DATABASE)),
         ("table and indexes, MB", "", ("table_mb", "index_mb")), ("dead rows", "", ("dead_rows",)),
         ("WAL kept on disk, MB", "", ("wal_kept_mb",)), ("heap of the live page, MB", "", ("page_mb",))]


class Page:
    """The live page in Chromium, where tests/requirements.txt is installed; else its column stays empty and it says so."""

    def __init__(self, url):
        self.browser = None
        try:
            from playwright.sync_api import sync_playwright
        except ImportError:
            print("  the page's heap is not measured: playwright is not installed (tests/run --venv makes build/venv)")
            return
        self.playwright = sync_playwright().start()
        self.browser = launch_chromium(self.playwright)
        self.page = self.browser.new_page()
        self.page.goto(url)

    def heap_mb(self):
        if self.browser is None:
            return None
        return self.page.evaluate("(gc(), performance.memory.usedJSHeapSize)") / 1e6

    def close(self):
        if self.browser is not None:
            self.browser.close()
            self.playwright.stop()


def resources(pid):
    """Private memory in MB, descriptors and threads of a process and its descendants. PostgreSQL's shared buffers are not in it."""
    memory = descriptors = threads = 0
    for one in tree(pid):
        try:
            status = pathlib.Path(f"/proc/{one}/status").read_text()
            opened = len(os.listdir(f"/proc/{one}/fd"))
        except OSError:
            continue
        private = re.search(r"RssAnon:\s+(\d+)", status)
        if private is None:
            continue  # it has ended and waits to be reaped
        memory += int(private[1]) / 1024
        descriptors += opened
        threads += int(re.search(r"Threads:\s+(\d+)", status)[1])
    return {"_mb": memory, "_descriptors": descriptors, "_threads": threads}


def sample(stack, pids, page):
    said = stack.sql(QUESTION)
    row = json.loads(said[said.index("{"):said.rindex("}") + 1])
    for name, pid in pids.items():
        row |= {name + key: value for key, value in resources(pid).items()}
        row[name + "_logged"] = sum(f.stat().st_size for f in (STATE / "logs").glob(f"{name}*"))
    return row | {"page_mb": page.heap_mb()}


def watch(seconds):
    """Runs the load and returns (rows of samples, the run's summary)."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary, output = RESULTS / "soak.json", RESULTS / "soak.txt"
    rows = []
    with Stack(log_level="info") as stack:
        stack.reset()
        with output.open("wb") as stream:
            engine = subprocess.Popen(
                [BIN / "gauntlet", "run", "--web", "--out", f"json={summary}", ROOT / "test/k6/scenario3_combined.js"], cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                env={**stack.env, "PATH": "/usr/bin:/bin", "TARGET_RPS": str(TARGET_RPS), "TARGET_EPS": str(TARGET_EPS), "DURATION": f"{seconds}s",
                     "K6_WEB_DASHBOARD_PORT": "0", "GAUNTLET_STATE_DIR": str(STATE)})
        page = None
        try:
            page = Page(page_address(engine, output))
            pids = {name: pid for name, pid in stack.pids().items() if name in (SERVICE, HANDLER, DATABASE)} | {GENERATOR: engine.pid}
            began = time.monotonic()
            while engine.poll() is None and time.monotonic() - began < seconds - 2:
                rows.append({"second": round(time.monotonic() - began)} | sample(stack, pids, page))
                if len(rows) % 6 == 1:
                    got = rows[-1]
                    print(f"  {got['second']:>5} s: " + ", ".join(f"{name.removeprefix('challenge-')} {got[name + '_mb']:.0f} MB" for name in pids)
                          + f"; table {got['table_mb']:.1f} MB, {got['dead_rows']:,} dead rows, WAL {got['wal_kept_mb']:,.0f} MB"
                          + (f", page {got['page_mb']:.1f} MB" if got["page_mb"] else ""), flush=True)
                time.sleep(max(0.0, min(INTERVAL_S, seconds - 2 - (time.monotonic() - began))))
            page.close()
            engine.wait(seconds + 120)
        finally:
            engine.kill()
            engine.wait()
    for before, row in zip(rows, rows[1:]):
        for name in (SERVICE, HANDLER, DATABASE):
            row[name + "_log_kb"] = max(0, row[name + "_logged"] - before[name + "_logged"]) / 1e3 / (row["second"] - before["second"]) * 60
    return rows, json.loads(summary.read_text())["metrics"]


def write_csv(rows):
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with (RESULTS / "soak.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def measure(table, pairs, seconds):
    rows, metrics = watch(seconds)
    write_csv(rows)
    command = "make soak"
    settled = next((row for row in rows if row["second"] >= min(SETTLED_S, seconds / 3)), rows[-1])
    last = rows[-1]
    achieved = metrics["iterations"]["values"]["count"] / seconds
    where = f"{seconds} s of scenario 3, {achieved:,.0f} of {TARGET_RPS} + {TARGET_EPS:,} iterations/s"
    for name in (GENERATOR, SERVICE, HANDLER):
        for what, key, unit in (("memory", "_mb", "MB"), ("descriptors", "_descriptors", ""), ("threads", "_threads", "")):
            table.add(f"{where}: {what} of the {name.removeprefix('challenge-')} at the end", unit, last[name + key],
                      f"at {settled['second']} s", settled[name + key], settled[name + key] / last[name + key], None,
                      "within 2 %" if (name, key) == (GENERATOR, "_mb") else "flat", command)
    for what, key, goal in (("table", "table_mb", "flat"), ("indexes", "index_mb", "flat"), ("WAL on disk", "wal_kept_mb", "bounded by max_wal_size")):
        table.add(f"{where}: {what} at the end", "MB", last[key], f"at {settled['second']} s", settled[key], settled[key] / last[key], None, goal, command)
    table.add(f"{where}: heap-only share of {last['updates']:,} updates", "%", 100 * last["heap_only"] / max(1, last["updates"]), goal="> 99",
              command=command)
    if last["page_mb"]:
        table.add(f"{where}: heap of the live page at the end", "MB", last["page_mb"], goal="< 100", command=command)


def plot(path):
    """Draws bench/results/soak.csv, one small chart a quantity."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    from matplotlib import pyplot
    with (RESULTS / "soak.csv").open() as file:
        rows = list(csv.DictReader(file))
    figure, axes = pyplot.subplots(4, 2, figsize=(11, 11), sharex=True, layout="constrained")
    for axis, (title, suffix, names) in zip(axes.flat, PLOTS):
        for name in names:
            points = [(float(row["second"]) / 60, float(row[name + suffix])) for row in rows if row.get(name + suffix)]
            axis.plot(*zip(*points), label=name.removeprefix("challenge-").removesuffix("_mb")) if points else None
        axis.set_title(title, loc="left")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        if len(names) > 1:
            axis.legend(fontsize="small")
    for axis in axes[-1]:
        axis.set_xlabel("minutes")
    figure.savefig(path, metadata={"Date": None})
