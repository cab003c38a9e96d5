"""Three PostgreSQL servers of a test's own on loopback addresses: one primary and two standbys that stream from it, and who promotes
one of them when the test says so. They need no more than PostgreSQL's own programs."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from service_under_test import POSTGRES_BIN, Database

WITHIN_S = 60


def free_port(address):
    with socket.socket() as free:
        free.bind((address, 0))
        return free.getsockname()[1]


class Server(Database):
    def __init__(self, folder, address, environment=None, port=None):
        super().__init__(folder, environment)
        folder.mkdir()
        self.address, self.port = address, port or free_port(address)
        if self.as_postgres:
            subprocess.run(["chown", "postgres", folder], check=True)

    @property
    def conninfo(self):
        return f"host={self.address} port={self.port} user={self.user}"

    @property
    def conninfo_of_standbys(self):
        """With a name that pg_basebackup does not have, which would count as a synchronous standby otherwise."""
        return f"{self.conninfo} application_name=standby"

    def create(self):
        self.run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", self.user, "--no-sync")
        self.start()

    def start(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o",
                 f"-p {self.port} -c listen_addresses={self.address} -c unix_socket_directories='' -c fsync=off -c wal_keep_size=1GB", "start")

    def follow(self, primary):
        """As a new copy of it, whatever was here before."""
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.run("pg_basebackup", "-d", primary.conninfo, "-D", self.folder / "data", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")
        with open(self.folder / "data/postgresql.auto.conf", "a") as settings:
            settings.write(f"primary_conninfo = '{primary.conninfo_of_standbys}'\n")
        self.start()

    def sql(self, database, statement):
        done = subprocess.run([POSTGRES_BIN / "psql", "-d", f"{self.conninfo} dbname={database}", "-qAtX", "-v", "ON_ERROR_STOP=1", "-F", "\t",
                               "-c", statement], capture_output=True, text=True, timeout=WITHIN_S, process_group=0)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def setting(self, name, value):
        self.sql("postgres", f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("postgres", "SELECT pg_reload_conf()")

    def pids(self):
        """The server's first process and its children; empty when it does not run."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            first = int((self.folder / "data/postmaster.pid").read_text().split()[0])
            if alive(first):
                return [first, *map(int, pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split())]
        return []

    def signal(self, number):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        """kill -9 of all of it at once."""
        self.signal(signal.SIGSTOP)  # so that it starts no further children meanwhile
        pids = self.pids()
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            while alive(pid):
                time.sleep(0.01)


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Trio:
    """`primary` is who takes writes, whatever the test has done to it; the others follow."""

    def __init__(self, folder, synchronous, environment=lambda number: None):
        self.folder, self.user, self.count = folder, "postgres", 0
        self.servers = [Server(folder / str(number), f"127.0.0.{number}", environment(number)) for number in (1, 2, 3)]
        self.primary = self.servers[0]
        self.primary.create()
        for standby in self.standbys:
            standby.follow(self.primary)
        for server in self.servers:
            server.setting("synchronous_standby_names", "ANY 1 (standby)" if synchronous else "")
        self.await_standbys(2)

    @property
    def standbys(self):
        return [server for server in self.servers if server is not self.primary]

    @property
    def settings(self):
        return {"DB_HOST": ",".join(server.address for server in self.servers), "DB_PORT": ",".join(str(server.port) for server in self.servers)}

    def fresh(self):
        self.count += 1
        self.primary.sql("postgres", f"CREATE DATABASE trio_{self.count}")
        return f"trio_{self.count}"

    def sql(self, database, statement):
        return self.primary.sql(database, statement)

    def await_standbys(self, count):
        give_up = time.monotonic() + WITHIN_S
        while len(self.primary.sql("postgres", "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")) < count:
            assert time.monotonic() < give_up, "the standbys do not follow"
            time.sleep(0.05)

    def promote(self):
        """Of the standbys the one that has most; the other one follows it. The former primary is left as it is."""
        best, other = sorted(self.standbys, reverse=True, key=lambda server: int(
            server.sql("postgres", "SELECT pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), '0/0'), '0/0')")[0][0]))
        best.run("pg_ctl", "-D", best.folder / "data", "-w", "promote")
        other.setting("primary_conninfo", best.conninfo_of_standbys)
        former, self.primary = self.primary, best
        return former

    def rejoin(self):
        """The others follow the primary, whatever they were."""
        for server in self.standbys:
            if not server.pids() or server.sql("postgres", "SELECT pg_is_in_recovery()") != [["t"]]:
                server.follow(self.primary)
        self.await_standbys(2)

    def end(self):
        for server in self.servers:
            server.kill()


@contextlib.contextmanager
def running_trio(synchronous=True, kind=Trio, **how):
    with tempfile.TemporaryDirectory(prefix="gauntlet-trio-") as folder:
        os.chmod(folder, 0o755)
        trio = kind(pathlib.Path(folder), synchronous, **how)
        try:
            yield trio
        finally:
            trio.end()
