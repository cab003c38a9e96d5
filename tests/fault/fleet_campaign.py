#!/usr/bin/env python3
"""Breaks tests of three agents, again and again, and counts what comes of them: make faults-fleet N=200

    tests/fault/fleet_campaign.py [--faults N] [--seed S] [--at-a-time N] [--kind KIND]

Each fault meets a test of its own, in the middle: three agents that a shell carries ask a target, which counts. Then
- the leader must have ended within 40 s (else it hangs) with an exit code that the fault can have, and all agents 10 s later;
- the leader must not have counted more iterations than the target has seen (else something counted twice), and where no agent was
  lost all of them;
- what the agents did must add up to what the leader says.
Prints a table by kind, with the most memory that a leader took. Exit status: 0 all is as it must be; 1 something is not; 2 the
campaign itself failed."""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))

from campaign_rounds import rounds  # noqa: E402
from counting_target import CountingTarget  # noqa: E402

BIN = TESTS.parent / "build" / "release" / "bin"
GAUNTLET = BIN / "gauntlet"
RELAY = TESTS / "support" / "fleet_relay.py"
LENGTH_S, HANGS_S, OUTLIVES_S = 6, 40, 10
OK, INTERRUPTED, LOST, NOT_STARTED = 0, 105, 112, 255

SCRIPT = """
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 6, duration: '%ds', gracefulStop: '10s' };
export default function () { http.get(__ENV.TARGET); sleep(0.05); }
export function teardown() { console.log('teardown ran'); }
""" % LENGTH_S

class Test:
    """A leader with three agents, of which the second one is to meet the fault."""

    def __init__(self, folder, target, number, carrier=None, flags=()):
        self.folder, self.path, self.target = folder, f"/{number}", target
        self.trigger = folder / "trigger"
        (folder / "script.js").write_text(SCRIPT)
        (folder / "tmp").mkdir()
        usual = "echo $$ > pid{i}; exec " + f"{GAUNTLET} agent"
        agents = [(carrier if carrier and i == 1 else usual).format(i=i, agent=f"{GAUNTLET} agent", trigger=self.trigger, relay=RELAY,
                                                                     python=sys.executable) for i in range(3)]
        self.log = folder / "log"
        self.leader = subprocess.Popen(
            [GAUNTLET, "run", "-q", "--no-color", "--no-thresholds", "--out", "json=r.json", "-e", f"TARGET=http://127.0.0.1:{target.port}{self.path}", *flags,
             *[flag for agent in agents for flag in ("--agent", agent)], "script.js"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("w"), start_new_session=True)

    def wait_for_load(self):
        deadline = time.monotonic() + 30
        while self.target.seen[self.path] < 60 and self.leader.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def pid(self, agent):
        return int((self.folder / f"pid{agent}").read_text())

    def agents_alive(self):
        """Processes that stand in this test's folder, as all carriers and agents do."""
        alive = []
        for process in pathlib.Path("/proc").iterdir():
            try:
                if process.name.isdigit() and os.readlink(process / "cwd") == str(self.folder) and int(process.name) != self.leader.pid and \
                        "\nState:\tZ" not in (process / "status").read_text():
                    alive.append(int(process.name))
            except OSError:
                pass
        return alive


def send(number, agent=1):
    return lambda test: os.kill(test.pid(agent), number)


def pull_trigger(test):
    test.trigger.touch()


def stop_and_go_on(test):
    os.kill(test.pid(1), signal.SIGSTOP)
    time.sleep(2)
    os.kill(test.pid(1), signal.SIGCONT)


def stop_leader_and_go_on(test):
    test.leader.send_signal(signal.SIGSTOP)
    time.sleep(7)
    test.leader.send_signal(signal.SIGCONT)


def nothing(test):
    pass


RELAYED = "{python} {relay} '%s' {trigger} {agent}"
# What is done, what carries the second agent where that is another one, the exit codes that may come of it.
KINDS = {
    "agent killed (SIGKILL)": (send(signal.SIGKILL), None, {LOST}),
    "first agent killed": (send(signal.SIGKILL, agent=0), None, {LOST}),
    "agent stopped (SIGSTOP)": (send(signal.SIGSTOP), None, {LOST}),
    "agent stopped for 2 s": (stop_and_go_on, None, {OK}),
    "connection cut": (lambda test: os.kill(int((test.folder / "cut").read_text()), signal.SIGKILL),
                       "cat | {agent} | (sh -c 'echo $PPID > cut'; exec cat) # agent", {LOST}),
    **{kind: (pull_trigger, RELAYED % kind, {LOST}) for kind in (
        "garbage", "too long a frame", "half a frame", "window twice", "window of many names", "window that nests",
        "window of less than nothing", "window that is none", "status that is none", "progress that is no number", "greets twice",
        "setup nobody asked for", "clock of another time", "clock that cannot be")},
    "slow link": (nothing, RELAYED % "slow link", {OK, LOST}),
    "agent cannot write a file": (nothing, "ulimit -f 0; exec {agent}", {OK}),
    "agent without memory": (nothing, "ulimit -v 200000; exec {agent}", {OK, LOST, NOT_STARTED}),
    "leader killed (SIGKILL)": (lambda test: test.leader.kill(), None, {-signal.SIGKILL}),
    "leader stopped for 7 s": (stop_leader_and_go_on, None, {LOST}),
    "Ctrl-C": (lambda test: test.leader.send_signal(signal.SIGINT), None, {INTERRUPTED}),
}


class Outcome:
    def __init__(self):
        self.rounds = self.hangs = self.doubles = self.unequal = self.unexpected = self.outlived = 0
        self.codes, self.most_kb = collections.Counter(), 0
        self.words = []

    def is_good(self):
        return not (self.hangs or self.doubles or self.unequal or self.unexpected or self.outlived)


def wait4(process, seconds):
    """(exit code, most memory in KB), or (None, 0) when it has not ended by then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.returncode is not None:  # poll() has seen it: it ended before its fault
            return process.returncode, 0
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss
        time.sleep(0.02)
    return None, 0


def one_fault(kind, number, target, outcome, lock, wait_s):
    act, carrier, codes = KINDS[kind]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gauntlet-fleet-")).resolve()
    test = Test(folder, target, number, carrier)
    try:
        test.wait_for_load()
        time.sleep(wait_s)
        if test.leader.poll() is None:
            act(test)
        code, memory_kb = wait4(test.leader, HANGS_S)
        seen = target.seen[test.path]
        deadline = time.monotonic() + OUTLIVES_S
        while (alive := test.agents_alive()) and time.monotonic() < deadline:
            time.sleep(0.05)
        counted, by_agents = None, None
        if (folder / "r.json").exists():
            results = json.loads((folder / "r.json").read_text())
            counted = int(results["metrics"].get("iterations", {"values": {"count": 0}})["values"]["count"])
            by_agents = sum(agent["iterations"] for agent in results["agents"])
        with lock:
            outcome.rounds += 1
            outcome.codes[code] += 1
            outcome.most_kb = max(outcome.most_kb, memory_kb)
            before = not outcome.is_good()
            outcome.hangs += code is None
            outcome.unexpected += code is not None and code not in codes
            outcome.outlived += bool(alive)
            if counted is not None:
                outcome.doubles += counted > seen
                outcome.unequal += counted != by_agents or (code == OK and counted != seen)
            if not outcome.is_good() and not before:
                outcome.words.append(f"{kind}, fault {number}: exit code {code}, counted {counted}, by agents {by_agents}, seen {seen}, "
                                     f"alive {alive}\n{test.log.read_text()[-2000:]}")
    finally:
        for pid in test.agents_alive() + [test.leader.pid] * (test.leader.returncode is None):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if test.leader.returncode is None:
            test.leader.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def campaign(faults, seed, at_a_time, kinds):
    target, lock, choice = CountingTarget(), threading.Lock(), random.Random(seed)
    outcomes = {kind: Outcome() for kind in kinds}
    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        room, failures = threading.Semaphore(at_a_time), []

        def one(*arguments):
            try:
                one_fault(*arguments)
            except Exception as problem:  # noqa: BLE001 - told at the end
                failures.append(problem)
            finally:
                room.release()

        for number in rounds(faults):
            kind = kinds[number % len(kinds)]
            room.acquire()
            pool.submit(one, kind, number, target, outcomes[kind], lock, choice.uniform(0, 1.5))
    if failures:
        raise failures[0]
    return outcomes


def table(outcomes):
    lines = [f"{'fault':<28} {'times':>5} {'hangs':>5} {'double':>6} {'unequal':>7} {'other end':>9} {'outlived':>8} {'leader MB':>9}  exit codes"]
    for kind, outcome in outcomes.items():
        codes = ", ".join(f"{code} x{times}" for code, times in sorted(outcome.codes.items(), key=str))
        lines.append(f"{kind:<28} {outcome.rounds:>5} {outcome.hangs:>5} {outcome.doubles:>6} {outcome.unequal:>7} {outcome.unexpected:>9} "
                     f"{outcome.outlived:>8} {outcome.most_kb / 1024:>9.0f}  {codes}")
    total = lambda of: sum(of(outcome) for outcome in outcomes.values())  # noqa: E731
    lines.append(f"faults {total(lambda o: o.rounds)}  hangs = {total(lambda o: o.hangs)}  double counts = {total(lambda o: o.doubles)}  "
                 f"leader's most memory = {max(o.most_kb for o in outcomes.values()) / 1024:.0f} MB")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-a-time", type=int, default=4)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    flags = parser.parse_args()
    outcomes = campaign(flags.faults, flags.seed, flags.at_a_time, flags.kind or list(KINDS))
    print(table(outcomes))
    for outcome in outcomes.values():
        print("".join(outcome.words), end="")
    return 0 if all(outcome.is_good() for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as problem:  # noqa: BLE001 - the campaign's own failure is not a verdict
        print(f"the campaign itself failed: {problem!r}", file=sys.stderr)
        sys.exit(2)
