#!/usr/bin/env python3
"""Breaks a stack of servers, again and again, and sees it come back: make faults-stack N=100

    tests/fault/stack_campaign.py [--faults N] [--seed S]

One real stack on free ports. After each fault every part must be healthy within 30 s (where the supervisor itself was killed: after
`gauntlet up`), every row that was committed before must be there, and no process may be left over: none runs twice, none belongs to
nobody. At the end `gauntlet down` leaves none at all.
Exit status: 0 it came back each time; 1 once it did not, with what was wrong.
"""
import argparse
import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "support")]

from campaign_rounds import rounds  # noqa: E402
from test_stack import NAMES, Project, is_alive, wait_for  # noqa: E402

HEALTHY_S = 30


class Campaign:
    def __init__(self, project, seed):
        self.project, self.random, self.injected, self.marks = project, random.Random(seed), collections.Counter(), 0
        self.faults = [*(self.kills(name) for name in NAMES), self.kill_two, self.kill_supervisor, self.kill_supervisor_and_a_server,
                       self.stop_for_a_while, self.restart, self.down_and_up, self.interrupt_up, self.kill_a_backend]

    def kills(self, name):
        def fault():
            os.kill(self.project.pids()[name], signal.SIGKILL)
            return f"kill -9 of {name}"
        return fault

    def kill_two(self):
        for name in self.random.sample(NAMES, 2):
            os.kill(self.project.pids()[name], signal.SIGKILL)
        return "kill -9 of two servers"

    def kill_supervisor(self):
        os.kill(self.project.status()["supervisor"], signal.SIGKILL)
        self.project.up()
        return "kill -9 of the supervisor, up"

    def kill_supervisor_and_a_server(self):
        victims = self.project.status()["supervisor"], self.project.pids()[self.random.choice(NAMES)]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        self.project.up()
        return "kill -9 of the supervisor and a server, up"

    def stop_for_a_while(self):
        pid = self.project.pids()[self.random.choice(NAMES)]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        if is_alive(pid):  # the supervisor may have given it up by now
            os.kill(pid, signal.SIGCONT)
        return "a server stopped for 3 s"

    def restart(self):
        self.project.run("restart", "--auto-ports")
        return "restart"

    def down_and_up(self):
        self.project.run("down")
        self.project.up()
        return "down, up"

    def interrupt_up(self):
        self.project.run("down")
        going_up = subprocess.Popen(self.project.command("up", "--auto-ports"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, process_group=0)
        time.sleep(self.random.uniform(0.05, 1))
        going_up.send_signal(signal.SIGINT)
        going_up.wait(60)
        self.project.up()
        return "Ctrl-C in up, up"

    def kill_a_backend(self):
        postgres = self.project.pids()["challenge-postgres"]
        children = pathlib.Path(f"/proc/{postgres}/task/{postgres}/children").read_text().split()
        os.kill(int(self.random.choice(children)), signal.SIGKILL)
        return "kill -9 of a process of PostgreSQL"

    def processes(self):
        """Pids of this stack's servers and supervisor as the kernel has them, without PostgreSQL's own children."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment_and_command = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                folder = os.readlink(entry / "cwd")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if str(self.project.state).encode() in environment_and_command or folder.startswith(str(self.project.state)):
                found[int(entry.name)] = parent
        return {pid for pid, parent in found.items() if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() != "postgres" or parent not in found
                or pathlib.Path(f"/proc/{parent}/comm").read_text().strip() != "postgres"}

    def round(self, number):
        self.marks += 1
        self.project.sql(f"INSERT INTO marks VALUES ({self.marks})")
        name = (self.faults[number] if number < len(self.faults) else self.random.choice(self.faults))()
        self.injected[name] += 1
        # A health check may be older than the fault; the database's own answer is not.
        rows = wait_for(lambda: self.project.all_healthy() and self.marks_there(), HEALTHY_S)
        assert rows, f"{name}: not healthy after {HEALTHY_S} s: {self.project.conditions()}"
        assert rows == self.marks, f"{name}: {self.marks} rows were committed, {rows} are there"
        wait_for(lambda: not self.strangers())
        assert not self.strangers(), f"{name}: left over: {self.strangers()}"

    def marks_there(self):
        asked = self.project.call("exec-sql", "--bare", "SELECT count(*) FROM marks")
        return int(asked.stdout) if asked.returncode == 0 else None

    def strangers(self):
        """Command lines of processes that are none of the stack's parts."""
        status = self.project.status()
        known = {part["pid"] for part in status["components"]} | {status["supervisor"]}
        return [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ") for pid in self.processes() - known if is_alive(pid)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    project = Project()
    try:
        project.up()
        project.sql("CREATE TABLE marks (number integer)")
        campaign = Campaign(project, arguments.seed)
        for number in rounds(arguments.faults):
            campaign.round(number)
        project.run("down")
        left = campaign.processes()
        assert not left, f"down left {left}"
    except AssertionError as problem:
        print(f"stack campaign, seed {arguments.seed}: {problem}", file=sys.stderr)
        return 1
    finally:
        project.remove()
    for name, times in sorted(campaign.injected.items()):
        print(f"{times:>6} x {name}")
    print(f"faults {sum(campaign.injected.values())}  came back {sum(campaign.injected.values())}  rows lost = 0  processes left = 0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
