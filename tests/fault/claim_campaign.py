#!/usr/bin/env python3
"""Breaks challenge-service under claims, again and again, and counts the rewards: make faults-claims N=300

    tests/fault/claim_campaign.py [--faults N] [--seed S] [--at-most-once | --forget-keys]

Two replicas on one PostgreSQL and `gauntlet ags-mock`, all real. Each fault comes in the middle of 40 concurrent claims of players
that have one finished goal each, one of the platform's meets ten more; the players come again until their goal is claimed, as clients do. At the end the platform's
grants are compared with the claimed rows: none is missing, none was given twice. --at-most-once: the platform knows no keys, and the
services run as by default (REWARD_IDEMPOTENCY=false); an operator looks up the claims that wait for one, and decides them.
--forget-keys: the services believe in keys that the platform forgets, so that it grants again what it is asked for again, which the
campaign must see.
Exit status: 0 every player has one reward; 1 one has none or two; 2 the campaign itself failed.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import pathlib
import random
import signal
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "contract"), str(TESTS / "support")]

from campaign_rounds import rounds  # noqa: E402
from mock_platform import real_rewards, running_platform  # noqa: E402
from service_under_test import BIN, ROOT, private_database, running_service  # noqa: E402

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
CLAIM = "/v1/challenges/ladder/goals/rung-1/claim"
PLAYERS = 40
USUAL = {"latencyMs": [0, 150], "fail": 0, "failStatus": 500, "busy": 0, "lie": 0, "cut": 0, "cutGranted": 0}


class Campaign:
    def __init__(self, database, platform, seed, at_most_once, threads):
        self.settings = real_rewards(platform, REWARD_IDEMPOTENCY="false" if at_most_once else "true")
        self.database, self.platform, self.name, self.threads = database, platform, database.fresh(), threads
        self.random = random.Random(seed)
        self.replicas, self.stacks = [None, None], [contextlib.ExitStack(), contextlib.ExitStack()]
        self.players, self.injected, self.answers, self.decided = [], collections.Counter(), collections.Counter(), collections.Counter()
        # The platform's faults first: these are what --at-most-once and --forget-keys are about.
        self.faults = [self.platform_does("platform lies: granted, but 500", lie=0.4), self.cut_kept_connections,
                       self.platform_does("platform cuts after granting", cutGranted=0.5),
                       self.platform_does("platform cuts before granting", cut=0.5), self.platform_does("platform answers 500", fail=0.6),
                       self.platform_does("platform turns away (503, Retry-After)", busy=0.6),
                       self.platform_does("platform takes 0.5 to 3 s", latencyMs=[500, 3000]),
                       self.kill, self.kill_at_a_step, self.stop_for_a_while, self.restart_postgres, self.cut_connections, self.lock_claims]

    def start(self, index, **variables):
        self.stacks[index].close()
        self.replicas[index] = self.stacks[index].enter_context(
            running_service(self.database, CONFIG, name=self.name, expect_exit=None, process_group=0, **self.settings, **variables))

    def close(self):
        for stack in self.stacks:
            stack.close()

    # Each fault breaks something, mends it and returns its name.

    def kill(self):
        index = self.random.randrange(2)
        self.replicas[index].process.kill()
        self.start(index)
        return "kill -9 of a replica"

    def kill_at_a_step(self):
        step = self.random.choice(["claim.opened", "claim.asked", "claim.settled"])
        index = self.random.randrange(2)
        self.start(index, program="challenge-service-with-faults", GAUNTLET_FAULT=step)
        give_up = time.monotonic() + 10
        while self.replicas[index].process.poll() is None and time.monotonic() < give_up:
            self.claim(self.players[-self.random.randrange(1, PLAYERS)], index)
            time.sleep(0.01)
        self.start(index)
        return f"replica dies at {step}"

    def stop_for_a_while(self):
        process = self.random.choice(self.replicas).process
        process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        process.send_signal(signal.SIGCONT)
        return "replica stopped for 2 s"

    def restart_postgres(self):
        self.database.stop("immediate")
        self.database.start_again()
        return "PostgreSQL restarted at once"

    def cut_connections(self):
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}' AND pid <> pg_backend_pid()")
        return "all database connections cut"

    def lock_claims(self):
        self.sql("BEGIN; LOCK TABLE reward_claim; SELECT pg_sleep(1); COMMIT")
        return "reward_claim locked for 1 s"

    def platform_does(self, name, **faults):
        def fault():
            self.platform.faults(**faults)
            concurrent.futures.wait([self.threads.submit(self.claim, player) for player in self.finish_goals("faulted", 10)])
            self.platform.faults(**USUAL)
            return name
        return fault

    def cut_kept_connections(self):
        """Both replicas have just asked the platform, so whatever keeps connections has kept some, when it grants and cuts."""
        for player in self.finish_goals("warm", 8):
            self.claim(player)
        players = self.finish_goals("cut", 6)
        self.platform.faults(next=["cutGranted"] * len(players))
        for player in players:
            self.claim(player)
        self.platform.faults(next=[])
        return "platform cuts kept connections after granting"

    def sql(self, statement):
        return self.database.sql(self.name, statement)

    def claim(self, player, index=None):
        try:
            status = self.replicas[self.random.randrange(2) if index is None else index].request("POST", CLAIM, None, player).status
        except OSError:
            status = "no answer"
        self.answers[status] += 1

    def claimed(self, players):
        listed = ",".join(f"'{player}'" for player in players)
        return {row[0] for row in self.sql(f"SELECT user_id FROM user_goal_progress WHERE status = 'claimed' AND user_id IN ({listed})")}

    def decide_waiting(self):
        """As an operator does: looks each player up at the platform, and says what is there."""
        waiting = self.sql("SELECT claim_key, user_id FROM reward_claim WHERE state = 'needs_review'")
        rewarded = {grant["user"] for grant in self.platform.grants()} if waiting else set()
        for key, player in waiting:
            decision = "granted" if player in rewarded else "not-granted"
            done = subprocess.run([BIN / "gauntlet", "claims", "resolve", key, decision], env=self.replicas[0].environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60, process_group=0)
            if done.returncode != 0:
                raise RuntimeError(f"gauntlet claims resolve: {done.stderr}")
            self.decided[decision] += 1

    def finish_goals(self, name, count):
        """That many more players who can claim; each comes again until the goal is claimed."""
        players = [f"{name}-{len(self.players)}-{index}" for index in range(count)]
        self.players += players
        rows = ",".join(f"('{player}', 'rung-1', 'ladder', 'test', 1, 'completed', timezone('utc', now()), true)" for player in players)
        self.sql("INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at, is_active)"
                 f" VALUES {rows}")
        return players

    def round(self, number):
        before = len(self.players)
        players = self.finish_goals("player", PLAYERS)
        asked = [self.threads.submit(self.claim, player) for player in players]
        time.sleep(self.random.uniform(0, 0.1))
        self.injected[self.faults[number % len(self.faults)]() if number < len(self.faults) else self.random.choice(self.faults)()] += 1
        left, give_up = set(self.players[before:]), time.monotonic() + 60
        while True:
            concurrent.futures.wait(asked)
            left -= self.claimed(left)
            if not left:
                return
            if time.monotonic() > give_up:
                raise RuntimeError(f"{len(left)} claims never came to an end: {self.sql('SELECT state, reason, attempts FROM reward_claim')[-5:]}")
            # Nobody waits for an answer now: recovery works as if the leases of the dead and its pauses had passed.
            self.sql("UPDATE reward_claim SET lease_until = timezone('utc', now()) WHERE state = 'uncertain' OR state = 'granting' AND attempts = 1")
            time.sleep(0.2)
            self.decide_waiting()
            asked = [self.threads.submit(self.claim, player) for player in left]

    def verdict(self):
        """(players without a reward, players with two, grants to players that have not claimed)"""
        granted = collections.Counter(grant["user"] for grant in self.platform.grants())
        rows = {row[0] for row in self.sql("SELECT user_id FROM user_goal_progress WHERE status = 'claimed'")}
        return len(rows - set(granted)), sum(times > 1 for times in granted.values()), len(set(granted) - rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--at-most-once", action="store_true")
    keys.add_argument("--forget-keys", action="store_true")
    arguments = parser.parse_args()
    with private_database() as database, running_platform(process_group=0) as platform, concurrent.futures.ThreadPoolExecutor(PLAYERS) as threads:
        campaign = Campaign(database, platform, arguments.seed, arguments.at_most_once, threads)
        platform.faults(**USUAL, honourKeys=not (arguments.forget_keys or arguments.at_most_once))
        try:
            for index in range(2):
                campaign.start(index)
            for number in rounds(arguments.faults):
                campaign.round(number)
            lost, doubled, unclaimed = campaign.verdict()
        except (RuntimeError, AssertionError) as problem:
            print(f"claim campaign, seed {arguments.seed}: {problem}", file=sys.stderr)
            return 2
        finally:
            campaign.close()
    for name, times in sorted(campaign.injected.items()):
        print(f"{times:>6} x {name}")
    print(f"faults {sum(campaign.injected.values())}  claims {len(campaign.players)}  requests {sum(campaign.answers.values())}  answers "
          + ", ".join(f"{status}: {times}" for status, times in sorted(campaign.answers.items(), key=str)))
    print("decided by an operator: " + (", ".join(f"{times} {decision}" for decision, times in sorted(campaign.decided.items())) or "none"))
    print(f"claimed without a reward = {lost}  rewarded twice = {doubled}  rewarded without a claim = {unclaimed}")
    return 1 if lost or doubled or unclaimed else 0


if __name__ == "__main__":
    sys.exit(main())
