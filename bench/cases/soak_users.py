"""Do many users cost what they cost at the start? USERS (100,000) idle ones beside 1,000 GETs a second for --seconds, 15 minutes by
make soak-users: the generator's private memory, threads and CPU every 20 s, in bench/results/soak_users.csv."""
import csv
import os
import subprocess
import time

from engine import Target
from measure import BIN, RESULTS, ROOT, cpu_of_tree
from soak import INTERVAL_S, SETTLED_S, resources

USERS = int(os.environ.get("USERS", "100000"))
COLUMNS = ["second", "_mb", "_descriptors", "_threads", "cpu_s"]


def watch(seconds):
    rows = []
    with Target() as target, (RESULTS / "soak_users.txt").open("wb") as output:
        engine = subprocess.Popen([BIN / "gauntlet", "run", "--no-color", "-q", ROOT / "bench/scripts/idle_and_get.js"], cwd=ROOT, stdin=subprocess.DEVNULL,
                                  stdout=output, stderr=subprocess.STDOUT,
                                  env={**os.environ, "USERS": str(USERS), "DURATION": f"{seconds}s", "BASE_URL": target.url})
        try:
            began = time.monotonic()
            while engine.poll() is None and time.monotonic() - began < seconds - 2:
                time.sleep(min(INTERVAL_S, seconds - 2 - (time.monotonic() - began)))
                row = {"second": round(time.monotonic() - began)} | resources(engine.pid) | {"cpu_s": cpu_of_tree(engine.pid)}
                rows.append(row)
                print(f"  {row['second']:>5} s: {row['_mb']:,.0f} MB, {row['_threads']} threads, {row['cpu_s']:.1f} s of CPU", flush=True)
            if engine.wait(120) != 0:
                raise SystemExit(f"bench: the run ended with {engine.returncode}: {(RESULTS / 'soak_users.txt').read_text()[-2000:]}")
        finally:
            engine.kill()
            engine.wait()
    return rows


def measure(table, pairs, seconds):
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = watch(seconds)
    with (RESULTS / "soak_users.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    settled = next((row for row in rows if row["second"] >= min(SETTLED_S, seconds / 3)), rows[-1])
    last = rows[-1]
    where = f"{seconds} s of {USERS:,} idle users and 1,000 GETs/s"
    table.add(f"{where}: memory of the generator at the end", "MB", last["_mb"], f"at {settled['second']} s", settled["_mb"],
              settled["_mb"] / last["_mb"], None, "within 2 %", "make soak-users")
    table.add(f"{where}: CPU of a second", "ms", 1000 * (last["cpu_s"] - settled["cpu_s"]) / max(1, last["second"] - settled["second"]),
              command="make soak-users")
