"""Measuring for bench/: CPU seconds of processes as the kernel accounts them, paired runs, rows and the table.

Absolute rates drift on shared machines. So a figure is work per CPU-second, and a comparison is the median of the
ratios of pairs taken in turn (ours, peer, ours, peer ...).
"""
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
RESULTS = ROOT / "bench" / "results"
PEERS = ROOT / "build" / "peers" / "bin"  # what scripts/install-peers put there
TICKS = os.sysconf("SC_CLK_TCK")


def find_peer(name):
    """Path of a peer tool or None. A k6 is used where K6 names one: it is AGPL software, which nothing here fetches or looks for."""
    return os.environ.get("K6") if name == "k6" else shutil.which(name, path=f"{PEERS}:{os.environ['PATH']}")


class Ended:
    """What a finished command did: exit code, output, its own CPU seconds, wall seconds, peak memory in MB."""

    def __init__(self, command, code, out, usage, seconds):
        self.command, self.code, self.out, self.seconds = command, code, out, seconds
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024


def run(command, env=None, timeout=300, check=True):
    """Runs a command to its end and returns an Ended; complains with its output when it fails."""
    command = [str(c) for c in command]
    began = time.monotonic()
    out_file = RESULTS / f".out.{os.getpid()}"
    RESULTS.mkdir(parents=True, exist_ok=True)
    with open(out_file, "w+") as out:
        process = subprocess.Popen(["timeout", "--foreground", "--kill-after=5", str(timeout), *command], cwd=ROOT,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    out_file.unlink()
    if check and process.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    return Ended(command, process.returncode, text, usage, time.monotonic() - began)


def tree(pid):
    """The process and its living descendants."""
    found = [pid]
    for one in found:
        try:
            for children in pathlib.Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        except OSError:
            continue  # it has just ended
    return found


def cpu_of_tree(pid):
    """User and system CPU seconds of a process, its living descendants and their children that have ended."""
    ticks = 0
    for one in tree(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / TICKS


def peak_mb(pid):
    """Peak resident memory of one living process in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def paired(pairs, ours, peer):
    """Runs ours() and peer() in turn; returns (median ours, median peer, median ratio, lowest, highest ratio)."""
    a, b = [], []
    for _ in range(pairs):
        a.append(ours())
        b.append(peer())
    ratios = [x / y for x, y in zip(a, b)]
    return statistics.median(a), statistics.median(b), statistics.median(ratios), min(ratios), max(ratios)


class Table:
    """Rows of results, printed as they come and kept as JSON under bench/results/."""

    def __init__(self):
        self.rows = []

    def add(self, work, unit, ours, peer_name="", peer=None, ratio=None, spread=None, goal="", command=""):
        """ratio: ours to the peer's, more than 1 is better; spread: lowest and highest ratio of the pairs."""
        row = dict(work=work, unit=unit, ours=ours, peer_name=peer_name, peer=peer, ratio=ratio, spread=spread, goal=goal,
                   command=command)
        self.rows.append(row)
        print("  " + self.text(row), flush=True)

    @staticmethod
    def number(value):
        if value is None:
            return "-"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

    def text(self, row):
        against = f"  {row['peer_name']} {self.number(row['peer'])}" if row["peer_name"] else ""
        ratio = f"  ratio {row['ratio']:.2f}" if row["ratio"] else ""
        spread = f" ({row['spread'][0]:.2f}-{row['spread'][1]:.2f})" if row["spread"] else ""
        return f"{row['work']}: {self.number(row['ours'])} {row['unit']}{against}{ratio}{spread}  goal: {row['goal'] or '-'}"

    def markdown(self):
        lines = ["| work | unit | ours | peer | ratio (spread) | goal | command |", "|---|---|---:|---:|---|---|---|"]
        for row in self.rows:
            ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
            spread = f" ({row['spread'][0]:.2f}-{row['spread'][1]:.2f})" if row["spread"] else ""
            peer = f"{row['peer_name']} {self.number(row['peer'])}" if row["peer_name"] else ""
            lines.append(f"| {row['work']} | {row['unit']} | {self.number(row['ours'])} | {peer} | {ratio}{spread} | "
                         f"{row['goal']} | `{row['command']}` |")
        return "\n".join(lines)

    def save(self):
        RESULTS.mkdir(parents=True, exist_ok=True)
        name = time.strftime("%Y%m%d-%H%M%S")
        (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine(), "rows": self.rows}, indent=1))
        return RESULTS / f"{name}.json"


def machine():
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), Linux {platform.release()}"


def k6_count(text, metric):
    """A counter of k6's end-of-test summary (ours prints the same)."""
    found = re.search(rf"^\s*{metric}\.*:\s+(\d+)", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"bench: no {metric} in the summary:\n{text[-1500:]}")
    return int(found[1])


def wait_line(process, pattern, seconds=20):
    """Reads a process's output until a line matches; returns the match."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        found = re.search(pattern, line)
        if found:
            return found
        if not line and process.poll() is not None:
            break
    sys.exit(f"bench: {process.args} did not say {pattern!r}")
