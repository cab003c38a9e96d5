"""PostgreSQL restarted, failed over, locked, out of disk and down to one connection in the middle of claims: what is granted stays what is
claimed, and everything comes back by itself."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from mock_platform import real_rewards
from service_under_test import BIN, ROOT, Database, private_database, running_service

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
CLAIM = "/v1/challenges/ladder/goals/rung-1/claim"


def complete_rung(service, players):
    values = ",".join(f"('{player}', 'rung-1', 'ladder', 'test', 1, 'completed', timezone('utc', now()), true)" for player in players)
    service.sql("INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at, is_active)"
                f" VALUES {values}")


def claim(service, player):
    with contextlib.suppress(OSError):
        return service.request("POST", CLAIM, None, player).status


def claim_until_claimed(service, players, give_up_s=40):
    """As clients that come again once the first calls have been answered; recovery may be faster."""
    give_up = time.monotonic() + give_up_s
    left = set(players)
    while left:
        assert time.monotonic() < give_up, service.sql("SELECT state, reason FROM reward_claim WHERE state <> 'granted'")
        service.sql("UPDATE reward_claim SET lease_until = timezone('utc', now()) WHERE state = 'uncertain' OR state = 'granting' AND attempts = 1")
        left -= {player for player in left if claim(service, player) in (200, 409)
                 and service.row(player, "rung-1")[1] == "claimed"}
        time.sleep(0.1)


def one_grant_each(platform, players):
    assert sorted(grant["user"] for grant in platform.grants()) == sorted(players)


def test_restart_of_postgresql_in_the_middle_of_claims(database, platform):
    platform.faults(latencyMs=[0, 400])
    players = [f"restart-{number}" for number in range(60)]
    with running_service(database, CONFIG, **real_rewards(platform)) as service, concurrent.futures.ThreadPoolExecutor(60) as threads:
        complete_rung(service, players)
        claims = [threads.submit(claim, service, player) for player in players]
        while len(platform.grants()) < 10:
            time.sleep(0.01)
        database.stop("immediate")
        time.sleep(0.3)  # grants go on meanwhile and find nobody to be written down by
        database.start_again()
        assert {answer.result() for answer in claims} <= {200, 500, 503}
        claim_until_claimed(service, players)
    one_grant_each(platform, players)


def test_statements_that_wait_delay_claims_and_lose_none(database, platform):
    players = [f"locked-{number}" for number in range(20)]
    # Without the limit, or claims of a slow machine would come a second after the first and be told to come again.
    with running_service(database, CONFIG, **real_rewards(platform, QUEUE_TIME_MAX="0s")) as service, concurrent.futures.ThreadPoolExecutor(21) as threads:
        complete_rung(service, players)
        lock = threads.submit(service.sql, "BEGIN; LOCK TABLE reward_claim; SELECT pg_sleep(1.5); COMMIT")
        while not service.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'reward_claim'::regclass"):
            time.sleep(0.01)
        assert [claims for claims in threads.map(lambda player: claim(service, player), players) if claims != 200] == []
        lock.result()
    one_grant_each(platform, players)


def test_one_connection_serves_many_claims(database, platform):
    platform.faults(latencyMs=[50, 100])
    players = [f"narrow-{number}" for number in range(60)]
    variables = real_rewards(platform, DB_MAX_OPEN_CONNS="1", SERVICE_THREADS="1")
    with running_service(database, CONFIG, **variables) as service, concurrent.futures.ThreadPoolExecutor(60) as threads:
        complete_rung(service, players)
        assert set(threads.map(lambda player: claim(service, player), players)) == {200}, "none is held across a grant"
    one_grant_each(platform, players)


def test_full_disk_grants_nothing_that_is_not_written_down(platform):
    players = [f"full-{number}" for number in range(100)]
    with tempfile.TemporaryDirectory(prefix="gauntlet-full-disk-") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        full, cluster = folder / "full", folder / "cluster"
        cluster.mkdir()
        library = pathlib.Path(shutil.copy(BIN / "full-disk.so", folder))
        library.chmod(0o755)  # PostgreSQL runs as another user than we
        database = Database(cluster, {"LD_PRELOAD": str(library), "GAUNTLET_FULL_DISK": str(full)})
        database.start()
        try:
            with running_service(database, CONFIG, **real_rewards(platform)) as service, concurrent.futures.ThreadPoolExecutor(30) as threads:
                complete_rung(service, players)
                full.touch()
                refused = service.request("POST", CLAIM, None, players[0])
                assert (refused.status, refused.json["message"]) == (503, "Database error occurred")
                assert platform.grants() == [], "the claim could not be written down, so nothing was asked for"
                assert service.request("GET", "/v1/challenges", user=players[0]).json["challenges"], "what is there can be read"
                full.unlink()
                platform.faults(latencyMs=[0, 50])
                claims = [threads.submit(claim, service, player) for player in players]
                while len(platform.grants()) < 20:
                    time.sleep(0.01)
                full.touch()  # in the middle
                assert {answer.result() for answer in claims} <= {200, 500, 503}
                full.unlink()
                claim_until_claimed(service, players)
        finally:
            database.stop("immediate")
    one_grant_each(platform, players)


class Standby:
    """A synchronous standby of a database, and an address that moves to it."""

    def __init__(self, primary, folder):
        self.primary = primary
        self.address = folder / "address"  # a link to the folder of whoever is primary
        self.address.symlink_to(primary.folder)
        self.database = Database(folder / "standby")
        self.database.folder.mkdir()
        os.chmod(folder, 0o755)
        if self.database.as_postgres:
            subprocess.run(["chown", "postgres", self.database.folder], check=True)
        self.database.run("pg_basebackup", "-h", primary.folder, "-U", primary.user, "-D", self.database.folder / "data", "-R", "-X", "stream",
                          "--checkpoint=fast", "--no-sync")
        self.database.start_again()
        primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.sql("postgres", "SELECT pg_reload_conf()")
        give_up = time.monotonic() + 20
        while primary.sql("postgres", "SELECT sync_state FROM pg_stat_replication") != [["sync"]]:
            assert time.monotonic() < give_up
            time.sleep(0.05)

    def take_over(self):
        self.primary.stop("immediate")
        self.database.run("pg_ctl", "-D", self.database.folder / "data", "-w", "promote")
        self.database.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names")
        self.database.sql("postgres", "SELECT pg_reload_conf()")
        moved = self.address.with_name("moved")
        moved.symlink_to(self.database.folder)
        moved.rename(self.address)


def test_failover_to_a_promoted_standby_in_the_middle_of_claims(platform):
    platform.faults(latencyMs=[0, 400])
    players = [f"failover-{number}" for number in range(60)]
    with private_database() as primary, tempfile.TemporaryDirectory(prefix="gauntlet-standby-") as folder:
        standby = Standby(primary, pathlib.Path(folder))
        try:
            with running_service(primary, CONFIG, **real_rewards(platform, DB_HOST=standby.address)) as service, \
                    concurrent.futures.ThreadPoolExecutor(60) as threads:
                complete_rung(service, players)
                claims = [threads.submit(claim, service, player) for player in players]
                while len(platform.grants()) < 10:
                    time.sleep(0.01)
                standby.take_over()
                service.database = standby.database
                assert {answer.result() for answer in claims} <= {200, 500, 503}
                claim_until_claimed(service, players)
        finally:
            standby.database.stop("immediate")
            primary.start_again()  # private_database() stops it
    one_grant_each(platform, players)
