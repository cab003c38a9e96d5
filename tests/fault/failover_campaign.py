#!/usr/bin/env python3
"""Fails PostgreSQL over under load, again and again, and counts events and rewards: make faults-failover N=100

    tests/fault/failover_campaign.py [--faults N] [--seed S] [--asynchronous] [--patroni [--pgbouncer]]

Three PostgreSQL servers on loopback addresses, a primary and two standbys of which one has every commit before it is answered, unless
--asynchronous. challenge-service and challenge-event-handler are given all three (DB_HOST=a,b,c); events and claims go on all the time,
and what is not acknowledged comes again, as the platform and clients do it. The campaign itself promotes the standby, a second after the
primary has failed. With --patroni (as root: tests/support/patroni_trio.py) Patroni does, by its own rules, and the faults are of machines
on a network; with --pgbouncer the services are given a PgBouncer, which lends sessions for a connection's life and which Patroni aims at the primary.
Each acknowledged event must have counted once at the end, each acknowledged claim must be there, and the platform must have granted one
reward for it. With --asynchronous what is lost is only said.
Exit status: 0 nothing lost, nothing doubled; 1 something was; 2 the campaign itself failed.
"""
import argparse
import collections
import contextlib
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "contract"), str(TESTS / "support")]

import grpc  # noqa: E402

from campaign_rounds import rounds  # noqa: E402
from event_handler import LOGIN, event_messages, running_handler  # noqa: E402
from mock_platform import real_rewards, running_platform  # noqa: E402
from patroni_trio import PatroniTrio, own_network  # noqa: E402
from postgres_trio import running_trio  # noqa: E402
from service_under_test import BIN, running_service  # noqa: E402

PLAYERS = 50  # who log in
CLAIMANTS = 40_000
EVENT_THREADS, CLAIM_THREADS = 16, 6
NOTICED_AFTER_S = 1  # by who promotes
LAG_S = 0.2
COMES_BACK_WITHIN_S = 90
DEADLINE_S = 15
CLAIM = "/v1/challenges/c/goals/prize/claim"


def goal(name, source, stat_code, kind):
    return {"id": name, "name": name, "type": kind, "event_source": source,
            "requirement": {"stat_code": stat_code, "operator": ">=", "target_value": 1_000_000},
            "reward": {"type": "ITEM", "reward_id": "sword", "quantity": 1}}


CHALLENGES = {"challenges": [{"id": "c", "name": "C", "goals": [goal("logins", "login", "login_count", "increment"),
                                                                  goal("prize", "statistic", "kills", "absolute")]}]}


class Load:
    """Events and claims from threads of their own, and what was answered."""

    def __init__(self, handler, service):
        self.handler, self.service, self.ended, self.problem = handler, service, threading.Event(), None
        self.numbers, self.claimants = itertools.count(), itertools.count()
        self.acknowledged, self.acknowledged_at, self.answers = [], [], []  # players; when; when, what and after how long
        self.rewarded, self.undecided = set(), set()
        account, _ = event_messages()
        self.login = account.UserLoggedIn
        self.call = handler.channel.unary_unary(LOGIN, lambda sent: sent.SerializeToString(), lambda answer: answer)
        self.threads = [threading.Thread(target=self.guarded, args=(work,))
                        for work in [self.send_events] * EVENT_THREADS + [self.send_claims] * CLAIM_THREADS]
        for thread in self.threads:
            thread.start()

    def guarded(self, work):
        try:
            work()
        except Exception as problem:  # told by check()
            self.problem = problem

    def check(self):
        if self.problem:
            raise RuntimeError(f"the load came to an end: {self.problem!r}")

    def send_events(self):
        while not self.ended.is_set():
            number = next(self.numbers)
            player = f"user-{number % PLAYERS}"
            give_up = time.monotonic() + COMES_BACK_WITHIN_S
            while not self.acknowledge(player, number):
                if time.monotonic() > give_up:
                    raise RuntimeError("an event is never acknowledged")
                time.sleep(0.02)
            time.sleep(0.03)

    def acknowledge(self, player, number):
        began = time.monotonic()
        try:
            self.call(self.login(id=f"login-{number}", user_id=player, namespace="test"), timeout=DEADLINE_S)
        except grpc.RpcError as refused:
            self.answers.append((began, refused.code().name, time.monotonic() - began))
            return False
        now = time.monotonic()
        self.acknowledged.append(player)
        self.acknowledged_at.append(now)
        self.answers.append((began, "OK", now - began))
        return True

    def send_claims(self):
        while not self.ended.is_set():
            self.claim_until_decided(f"claimant-{next(self.claimants)}")
            time.sleep(0.1)

    def claim_until_decided(self, player):
        while True:
            began = time.monotonic()
            try:
                answer = self.service.request("POST", CLAIM, None, player)
                status = answer.status
            except OSError:
                status = "no answer"
            self.answers.append((began, status, time.monotonic() - began))
            if status == 200 or status == 409 and "already been claimed" in answer.text:
                return self.rewarded.add(player)
            if status == 409:
                return self.undecided.add(player)  # under way: recovery takes it up when its lease has ended
            if self.ended.is_set():
                return self.undecided.add(player)
            time.sleep(0.05)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class Campaign:
    def __init__(self, trio, service, load, full, seed):
        self.trio, self.service, self.load, self.full, self.random = trio, service, load, full, random.Random(seed)
        self.faults = [self.kill, self.kill_while_standbys_lag, self.freeze, self.fill_disk, self.switch_over, self.restart_all]
        self.measured = collections.defaultdict(list)  # by fault: (seconds without an acknowledged event, of them after the promotion)
        self.answers = collections.defaultdict(collections.Counter)
        self.slowest = collections.Counter()

    # Each fault breaks something, has a standby promoted and returns (its name, when there was a primary again).

    def kill(self):
        self.trio.primary.kill()
        return "primary killed (-9)", self.failed_over()

    def kill_while_standbys_lag(self):
        """As over a network that is slow for a moment: nothing of the last LAG_S has reached a standby."""
        for pid, in self.trio.sql("postgres", "SELECT pid FROM pg_stat_replication"):
            os.kill(int(pid), signal.SIGSTOP)
        time.sleep(LAG_S)
        self.trio.primary.kill()
        return f"primary killed (-9), standbys {LAG_S} s behind", self.failed_over()

    def freeze(self):
        former = self.trio.primary
        former.signal(signal.SIGSTOP)
        promoted = self.failed_over()
        self.come_back(promoted)
        former.signal(signal.SIGCONT)  # it still thinks that it is the primary
        time.sleep(1)
        return "primary stopped (SIGSTOP), goes on later", promoted

    def fill_disk(self):
        number = self.trio.servers.index(self.trio.primary) + 1
        self.full(number).touch()
        time.sleep(NOTICED_AFTER_S)
        self.trio.primary.kill()
        promoted = self.promoted()
        self.full(number).unlink()
        return "primary's disk full, then killed", promoted

    def switch_over(self):
        self.trio.primary.stop("fast")
        return "switchover by command", self.promoted()

    def restart_all(self):
        for server in [*self.trio.standbys, self.trio.primary]:
            server.stop("fast")
            server.start()
            self.trio.await_standbys(1)
        return "all restarted one by one", time.monotonic()

    def failed_over(self):
        time.sleep(NOTICED_AFTER_S)
        return self.promoted()

    def promoted(self):
        self.trio.promote()
        return time.monotonic()

    def come_back(self, since):
        give_up = time.monotonic() + COMES_BACK_WITHIN_S
        while sum(at > since for at in self.load.acknowledged_at[-200:]) < 50:
            self.load.check()
            if time.monotonic() > give_up:
                raise RuntimeError(f"no event is acknowledged any more: {self.service.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def round(self, number):
        self.come_back(time.monotonic())
        began = time.monotonic()
        name, promoted = self.faults[number % len(self.faults)]()
        self.come_back(promoted)
        ended = time.monotonic()
        times = [began, *(at for at in list(self.load.acknowledged_at) if began < at < ended)]
        longest, until = max((after - before, after) for before, after in itertools.pairwise(times))
        self.measured[name].append((longest, max(0.0, until - promoted)))
        during = [answer for answer in list(self.load.answers) if began < answer[0] < ended]
        self.answers[name].update(str(answer) for _, answer, _ in during)
        self.slowest[name] = max(self.slowest[name], *(took for _, _, took in during))
        self.trio.rejoin()

    def verdict(self):
        """(events lost, events doubled, claims lost)"""
        self.load.end()
        self.load.check()
        sql = self.service.sql
        progress = {user: int(count) for user, count in sql("SELECT user_id, progress FROM user_goal_progress WHERE goal_id = 'logins'")}
        acknowledged = collections.Counter(self.load.acknowledged)
        lost = sum(max(0, count - progress[player]) for player, count in acknowledged.items())
        doubled = sum(max(0, progress[player] - count) for player, count in acknowledged.items())
        claimed = self.claimed()
        lost_claims = len(self.load.rewarded - claimed)
        # Who has no reward by what the service knows claims again.
        left, give_up = (self.load.rewarded | self.load.undecided) - claimed, time.monotonic() + COMES_BACK_WITHIN_S
        while left:
            if time.monotonic() > give_up:
                raise RuntimeError(f"{len(left)} claims never came to an end")
            sql("UPDATE reward_claim SET lease_until = timezone('utc', now()) WHERE state = 'uncertain' OR state = 'granting' AND attempts = 1")
            time.sleep(0.5)
            for player in left:
                self.load.claim_until_decided(player)
            left -= self.claimed()
        return lost, doubled, lost_claims

    def claimed(self):
        return {row[0] for row in self.service.sql("SELECT user_id FROM user_goal_progress WHERE status = 'claimed'")}

    def report(self):
        print(f"{'':42} times  without writes: median  worst   after promotion: median  worst   slowest answer   answers meanwhile")
        for name, gaps in self.measured.items():
            whole, after = zip(*gaps)
            answers = ", ".join(f"{answer}: {times}" for answer, times in sorted(self.answers[name].items()))
            print(f"{name:42} {len(gaps):>5} {statistics.median(whole):>21.1f} s {max(whole):>4.1f} s {statistics.median(after):>22.1f} s"
                  f" {max(after):>4.1f} s {self.slowest[name]:>13.1f} s   {answers}")


class PatroniCampaign(Campaign):
    """Patroni finds out by itself what has happened, and who is the primary then."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.faults = [self.kill, self.kill_while_standbys_lag, self.lose_machine, self.cut, self.freeze, self.switch_over]

    def failed_over(self):
        return self.promoted()

    def lose_machine(self):
        self.trio.primary.lose()
        return "primary's machine lost", self.failed_over()

    def cut(self):
        """It goes on, and may believe for a while to be the primary; nobody reaches it."""
        self.trio.primary.machine.is_reached(False)
        return "primary's network cut, back later", self.failed_over()

    def freeze(self):
        former = self.trio.primary
        former.signal_all(signal.SIGSTOP)
        promoted = self.promoted()
        self.come_back(promoted)
        former.signal_all(signal.SIGCONT)  # until its Patroni has found out, it still thinks that it is the primary
        time.sleep(1)
        return "primary's machine stopped, wakes later", promoted

    def switch_over(self):
        self.trio.switch_over()
        return "switchover by command", self.promoted()


def prepare(service):
    service.sql(f"""INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, is_active)
                    SELECT 'user-' || n, 'logins', 'c', 'test', true FROM generate_series(0, {PLAYERS - 1}) AS n""")
    service.sql(f"""INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at, is_active)
                    SELECT 'claimant-' || n, 'prize', 'c', 'test', 1, 'completed', timezone('utc', now()), true
                    FROM generate_series(0, {CLAIMANTS - 1}) AS n""")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--asynchronous", action="store_true")
    parser.add_argument("--patroni", action="store_true")
    parser.add_argument("--pgbouncer", action="store_true")
    arguments = parser.parse_args()
    if arguments.pgbouncer and not arguments.patroni:
        parser.error("--pgbouncer goes with --patroni")
    if arguments.patroni:
        if os.geteuid() != 0:
            print("failover campaign: Patroni's machines are network namespaces, which root makes", file=sys.stderr)
            return 2
        own_network()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gauntlet-failover-")))
        folder.chmod(0o777)  # PostgreSQL runs as another user than we
        library = pathlib.Path(shutil.copy(BIN / "full-disk.so", folder))
        library.chmod(0o755)
        config = folder / "challenges.json"
        config.write_text(json.dumps(CHALLENGES))

        def full(number):
            return folder / f"full-{number}"
        try:
            if arguments.patroni:
                trio = stack.enter_context(running_trio(not arguments.asynchronous, PatroniTrio, pooled=arguments.pgbouncer))
            else:
                trio = stack.enter_context(running_trio(not arguments.asynchronous, environment=lambda number: {
                    "LD_PRELOAD": str(library), "GAUNTLET_FULL_DISK": str(full(number))}))
            platform = stack.enter_context(running_platform(process_group=0))
            service = stack.enter_context(running_service(trio, config, process_group=0, **real_rewards(platform), **trio.settings))
            handler = stack.enter_context(running_handler(service, config, **trio.settings))
            prepare(service)
            load = Load(handler, service)
            campaign = (PatroniCampaign if arguments.patroni else Campaign)(trio, service, load, full, arguments.seed)
            broken = False
            try:
                try:
                    for number in rounds(arguments.faults):
                        campaign.round(number)
                except AssertionError as problem:  # of the servers: what was acknowledged until then is judged all the same
                    print(f"failover campaign: {problem}", file=sys.stderr)
                    broken = True
                lost, doubled, lost_claims = campaign.verdict()
            finally:
                load.end()
                campaign.report()
            granted = collections.Counter(grant["user"] for grant in platform.grants())
        except (RuntimeError, AssertionError) as problem:
            print(f"failover campaign: {problem}", file=sys.stderr)
            return 2
    twice = sum(times > 1 for times in granted.values())
    unrewarded = len(load.rewarded - set(granted))
    kind = ["asynchronous" if arguments.asynchronous else "synchronous", *["Patroni"] * arguments.patroni, *["PgBouncer"] * arguments.pgbouncer]
    print(f"replication {', '.join(kind)}  faults {sum(map(len, campaign.measured.values()))}"
          f"  events acknowledged {len(load.acknowledged)}  claims acknowledged {len(load.rewarded)}")
    print(f"events lost = {lost}  doubled = {doubled}  claims lost = {lost_claims}  rewards granted twice = {twice}  claimed without a reward = {unrewarded}")
    if broken:
        return 2
    return 1 if not arguments.asynchronous and (lost or doubled or lost_claims or twice or unrewarded) else 0


if __name__ == "__main__":
    sys.exit(main())
