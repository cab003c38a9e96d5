"""The three PostgreSQL servers of postgres_trio under Patroni with an etcd, which starts, watches, promotes and rejoins them. Each server
is a machine: a network namespace whose cable can be pulled. Needs root, the packages of `scripts/install-deps --failover`, and a
network namespace around it (own_network()), with which bridge and cables go."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from postgres_trio import Server, Trio
from service_under_test import POSTGRES_BIN

WITHIN_S = 90
TTL_S, LOOP_S, RETRY_S = 20, 2, 8  # the shortest ttl that Patroni takes
# A session with temporary tables commits once more when it ends, and waits for a standby that a cut primary does not have.
STOP_S = 5
NETWORK, POSTGRES_PORT, POOLER_PORT, PATRONI_PORT = "198.18.0", 5432, 6432, 8008
ETCD = f"{NETWORK}.254:2379"
OWN_NETWORK = "GAUNTLET_OWN_NETWORK"


def own_network():
    """Goes on with this program in network and process namespaces, which end with it however it ends: Patroni starts servers that outlive it.
    Their first process takes in who has lost its parent."""
    if OWN_NETWORK in os.environ:
        return
    inside = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child", "--",
                               "sh", "-c", 'trap : INT TERM; "$@"; exit', "sh", sys.executable, *sys.argv], process_group=0, env={**os.environ, OWN_NETWORK: "1"})
    for number in (signal.SIGINT, signal.SIGTERM):  # which only this program has handlers for in there
        signal.signal(number, lambda number, _: os.killpg(inside.pid, number))
    sys.exit(inside.wait())


def ip(words):
    subprocess.run(["ip", *words.split()], check=True, stdin=subprocess.DEVNULL)


def begin(command, log, **how):
    with open(log, "a") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, process_group=0, **how)


class Machine:
    """A network namespace on the bridge, as long as a process keeps it."""

    def __init__(self, number):
        self.cable = f"machine{number}"
        self.keeper = subprocess.Popen(["unshare", "--net", "--", "sh", "-c", "echo made && exec sleep infinity"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, process_group=0)
        self.keeper.stdout.readline()
        self.inside = ["nsenter", f"--net=/proc/{self.keeper.pid}/ns/net", "--"]
        ip(f"link add {self.cable} type veth peer name eth0 netns {self.keeper.pid}")
        ip(f"link set {self.cable} master bridge up")
        for words in ("link set lo up", f"address add {NETWORK}.{number}/24 dev eth0", "link set eth0 up"):
            subprocess.run([*self.inside, "ip", *words.split()], check=True, stdin=subprocess.DEVNULL)

    def is_reached(self, reached):
        """Whether its cable is in; what is sent meanwhile is lost without a word."""
        ip(f"link set {self.cable} {'up' if reached else 'down'}")

    def end(self):
        self.keeper.kill()
        self.keeper.wait()
        self.keeper.stdout.close()


class PatroniServer(Server):
    """A server on its machine with the Patroni that keeps it and calls back who is the primary."""

    def __init__(self, folder, number, synchronous, callback):
        address = f"{NETWORK}.{number}"
        super().__init__(folder, address, port=POSTGRES_PORT)
        self.machine = Machine(number)
        self.as_postgres = [*self.machine.inside, *self.as_postgres]
        self.name, self.process = f"server-{number}", None
        role, own = {"username": self.user}, f"{address}:{POSTGRES_PORT}"
        self.config = folder / "patroni.json"  # which is YAML, too
        self.config.write_text(json.dumps({
            "scope": "challenge", "name": self.name, "etcd": {"host": ETCD},
            "restapi": {"listen": f"{address}:{PATRONI_PORT}", "connect_address": f"{address}:{PATRONI_PORT}"},
            "bootstrap": {"initdb": [{"auth": "trust"}, "no-sync"],
                          "dcs": {"ttl": TTL_S, "loop_wait": LOOP_S, "retry_timeout": RETRY_S, "maximum_lag_on_failover": 64 << 20,
                                  "primary_start_timeout": 0, "primary_stop_timeout": STOP_S, "synchronous_mode": synchronous,
                                  "postgresql": {"use_pg_rewind": True, "parameters": {"fsync": "off", "wal_keep_size": "256MB", "max_connections": 200}}}},
            "postgresql": {"listen": own, "connect_address": own, "data_dir": str(folder / "data"), "bin_dir": str(POSTGRES_BIN),
                           "pgpass": str(folder / "pgpass"), "remove_data_directory_on_rewind_failure": True,
                           "remove_data_directory_on_diverged_timelines": True, "basebackup": {"checkpoint": "fast"}, "parameters": {"unix_socket_directories": ""},
                           "pg_hba": ["local all all trust", "host all all all trust", "host replication all all trust"],
                           "authentication": {"superuser": role, "replication": role, "rewind": role},
                           "callbacks": dict.fromkeys(("on_start", "on_role_change"), f"{callback} {address}") if callback else {}}}))
        self.begin()

    def begin(self):
        self.process = begin([*self.as_postgres, "patroni", self.config], self.folder / "patroni.log", cwd=self.folder, env=self.environment)

    def signal_all(self, number):
        """The whole machine."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.signal(number)

    def lose(self):
        """The whole machine at once: nobody is told."""
        self.machine.is_reached(False)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kill()

    def is_primary(self):
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            return bool(self.pids()) and self.sql("postgres", "SELECT pg_is_in_recovery()") == [["f"]]
        return False

    def end(self):
        self.lose()
        self.machine.end()


class Pooler:
    """A PgBouncer on a machine that nothing happens to, which lends a session for a connection's life. Patroni's callback aims it at the
    primary. (It hands on what the first server of a database has said of itself, also of later ones, so that libpq cannot
    tell primaries from standbys behind several of them.)"""

    def __init__(self, folder, prefix):
        self.folder, self.callback, primary = folder, folder / "callback", folder / "primary.ini"
        folder.mkdir()
        (folder / "users").write_text('"postgres" ""\n')
        primary.write_text("[databases]\n")
        config = folder / "pgbouncer.ini"
        config.write_text(f"[pgbouncer]\nlisten_addr = {NETWORK}.254\nlisten_port = {POOLER_PORT}\nunix_socket_dir =\npidfile = {folder}/pid\n"
                          f"auth_type = trust\nauth_file = {folder}/users\npool_mode = session\ndefault_pool_size = 100\nmax_client_conn = 500\n"
                          f"ignore_startup_parameters = options\nserver_login_retry = 1\nquery_wait_timeout = 2\n%include {primary}\n")
        # Called with the address, what has happened, the role and the cluster's name.
        self.callback.write_text(f"""#!/bin/sh
case $3 in master|primary)
  printf '[databases]\\n* = host=%s port={POSTGRES_PORT}\\n' "$1" >{primary}.new && mv {primary}.new {primary} && kill -HUP "$(cat {folder}/pid)" ;;
esac
""")
        self.callback.chmod(0o755)
        subprocess.run(["chown", "-R", "postgres", folder], check=True)
        self.process = begin([*prefix, "pgbouncer", config], folder / "log")

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class PatroniTrio(Trio):
    """Here nobody promotes but Patroni: promote() waits until it has. It speaks etcd's version 2, which renews the leader's key only while
    it is the leader's: by version 3, Patroni 3.0 knows the keys from a cache, and once a primary that had slept was the leader again."""

    def __init__(self, folder, synchronous, pooled):
        self.folder, self.user, self.count, self.synchronous, self.pooler = folder, "postgres", 0, synchronous, None
        for words in ("link set lo up", "link add bridge type bridge", f"address add {NETWORK}.254/24 dev bridge", "link set bridge up"):
            ip(words)
        client, peer = f"http://{ETCD}", "http://127.0.0.1:2380"
        self.etcd = begin(["etcd", "--data-dir", folder / "etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
                           "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                           "--unsafe-no-fsync", "--enable-v2"], folder / "etcd.log")
        self.servers = []
        try:
            if pooled:
                self.pooler = Pooler(folder / "pooler", ["runuser", "-u", "postgres", "--"])
            for number in (1, 2, 3):
                self.servers.append(PatroniServer(folder / str(number), number, synchronous, self.pooler and self.pooler.callback))
                self.primary = self.servers[0]
                self.await_that(self.primary.is_primary, "Patroni makes no primary")
            self.rejoin()
        except BaseException:
            self.end()
            raise

    @property
    def settings(self):
        return {"DB_HOST": f"{NETWORK}.254", "DB_PORT": str(POOLER_PORT)} if self.pooler else super().settings

    def fresh(self):
        """What a session of the services begins with, PgBouncer does not hand on: the database has it."""
        name = super().fresh()
        if self.pooler:
            self.sql("postgres", f"ALTER DATABASE {name} SET TimeZone = 'UTC'")
            self.sql("postgres", f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '60s'")
        return name

    def await_that(self, holds, problem):
        give_up = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < give_up, problem + "".join((server.folder / "patroni.log").read_text()[-1500:] for server in self.servers)
            time.sleep(0.1)

    def promote(self):
        """Waits until there is another primary, or the same again if it is down now."""
        former, found = self.primary, []
        possible = [server for server in self.servers if server is not former or not former.pids()]

        def is_promoted():
            found[:] = [server for server in possible if server.is_primary()]
            return bool(found)
        self.await_that(is_promoted, "Patroni promotes nobody")
        self.primary = found[0]
        return former

    def rejoin(self):
        for server in self.servers:
            server.machine.is_reached(True)
            if server.process.poll() is not None:
                server.begin()
        try:
            self.await_that(self.is_complete, "the others do not follow the primary")
        except AssertionError:  # what a person does then: patronictl reinit
            following = self.following()
            for server in self.standbys:
                if server.name not in following:
                    server.lose()
                    shutil.rmtree(server.folder / "data", ignore_errors=True)
                    server.machine.is_reached(True)
                    server.begin()
            self.await_that(self.is_complete, "the others do not follow the primary, made anew")

    def is_complete(self):
        """Both follow, and Patroni has one of them down as who may be promoted: also when it has looked once more."""
        return self.follow_now() and not time.sleep(LOOP_S + 1) and self.follow_now()

    def follow_now(self):
        with contextlib.suppress(AssertionError, OSError, subprocess.TimeoutExpired):
            follow = self.following()
            synchronous = {name for name, state in follow.items() if state == "sync"}
            return len(follow) == 2 and (not self.synchronous or synchronous and synchronous == self.promotable())
        return False

    def following(self):
        return dict(self.primary.sql("postgres", "SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'"))

    def promotable(self):
        with urllib.request.urlopen(f"http://{self.primary.address}:{PATRONI_PORT}/cluster", timeout=10) as answer:
            return {member["name"] for member in json.load(answer)["members"] if member["role"] == "sync_standby"}

    def switch_over(self):
        done = subprocess.run(["patronictl", "-c", self.primary.config, "switchover", "--force", "challenge"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=WITHIN_S, process_group=0)
        assert done.returncode == 0, done.stdout + done.stderr

    def end(self):
        for server in self.servers:
            server.end()
        if self.pooler:
            self.pooler.end()
        self.etcd.kill()
        self.etcd.wait()
