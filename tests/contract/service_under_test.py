"""The real challenge-service on a PostgreSQL of its own, or one that is already running somewhere."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("GAUNTLET_BIN", ROOT / "build" / "release" / "bin")).resolve()
POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
START_S = 20
READY = re.compile(r"challenge-service is serving.* http_port=(\d+) grpc_port=(\d+) metrics_port=(\d+)")


class Database:
    """A private cluster on a unix socket in a temporary folder, run as user postgres when we are root."""

    def __init__(self, folder, environment=None):
        self.folder = folder
        self.environment = {**os.environ, **(environment or {})}  # of its processes
        self.as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.user = "postgres"
        self.count = 0

    def start(self):
        if self.as_postgres:
            subprocess.run(["chown", "postgres", self.folder], check=True)
        self.run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", self.user, "--no-sync")
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o",
                 f"-k {self.folder} -c listen_addresses='' -c fsync=off", "start")

    def stop(self, how="fast"):
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-m", how, "stop")

    def start_again(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o",
                 f"-k {self.folder} -c listen_addresses='' -c fsync=off", "start")

    def run(self, program, *arguments):
        done = subprocess.run([*self.as_postgres, POSTGRES_BIN / program, *arguments], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, process_group=0)
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def fresh(self):
        """The name of a new, empty database."""
        self.count += 1
        name = f"contract_{self.count}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return name

    def sql(self, database, statement):
        """Runs it and returns rows of text columns."""
        done = subprocess.run([POSTGRES_BIN / "psql", "-h", self.folder, "-U", self.user, "-d", database, "-qAtX", "-v",
                               "ON_ERROR_STOP=1", "-F", "\t", "-c", statement], capture_output=True, text=True, timeout=60,
                              process_group=0)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


@contextlib.contextmanager
def private_database():
    with tempfile.TemporaryDirectory(prefix="gauntlet-contract-") as folder:
        os.chmod(folder, 0o755)
        database = Database(pathlib.Path(folder))
        database.start()
        try:
            yield database
        finally:
            database.stop("immediate")


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text, object_pairs_hook=without_duplicates)


def without_duplicates(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key stands twice: {keys}"
    return dict(pairs)


@dataclass
class Service:
    base_url: str
    grpc: str = ""
    metrics_url: str = ""
    process: subprocess.Popen = None
    log: pathlib.Path = None
    database: Database = None
    database_name: str = ""
    environment: dict = field(default_factory=dict)

    def request(self, method, path, body=None, user=None, headers=None):
        """`path` is below the base path. `body` is text, or sent as JSON when it is not."""
        url = urllib.parse.urlsplit(self.base_url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=15)
        sent = list(headers.items() if isinstance(headers, dict) else headers or [])
        if user is not None and all(name.lower() != "x-mock-user-id" for name, _ in sent):
            sent.append(("x-mock-user-id", user))
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        try:
            own_coding = any(name.lower() == "accept-encoding" for name, _ in sent)
            connection.putrequest(method, url.path + path, skip_accept_encoding=own_coding)
            if body is not None or method in ("POST", "PUT"):
                connection.putheader("content-length", str(len(body or b"")))
            for name, value in sent:  # one may stand twice
                connection.putheader(name, value.encode("latin-1") if isinstance(value, str) else value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
        finally:
            connection.close()

    def raw(self, method, path, headers):
        """(headers, body as it came), whatever its coding; the status is 200."""
        url = urllib.parse.urlsplit(self.base_url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=15)
        try:
            connection.request(method, url.path + path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200
            return {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def sql(self, statement):
        return self.database.sql(self.database_name, statement)

    def put_row(self, user, goal, challenge, status="not_started", progress=0, active=True, updated="now()", baseline="NULL"):
        """A row as events would have left it."""
        done = "timezone('utc', now())" if status in ("completed", "claimed") else "NULL"
        claimed = "timezone('utc', now())" if status == "claimed" else "NULL"
        self.sql(f"""INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at,
                       claimed_at, is_active, assigned_at, updated_at, baseline_value)
                     VALUES ('{user}', '{goal}', '{challenge}', 'test', {progress}, '{status}', {done}, {claimed}, {active},
                       timezone('utc', now()), timezone('utc', {updated}), {baseline})
                     ON CONFLICT (user_id, goal_id) DO UPDATE SET progress = EXCLUDED.progress, status = EXCLUDED.status,
                       completed_at = EXCLUDED.completed_at, claimed_at = EXCLUDED.claimed_at,
                       is_active = EXCLUDED.is_active, updated_at = EXCLUDED.updated_at,
                       baseline_value = EXCLUDED.baseline_value""")

    def row(self, user, goal):
        rows = self.sql(f"SELECT progress, status, is_active, claimed_at IS NOT NULL FROM user_goal_progress "
                        f"WHERE user_id = '{user}' AND goal_id = '{goal}'")
        return rows[0] if rows else None

    def metrics(self):
        url = urllib.parse.urlsplit(self.metrics_url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=15)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def service_environment(database, name, config, **variables):
    return {"PATH": os.environ["PATH"], "DB_HOST": str(database.folder), "DB_USER": database.user, "DB_NAME": name,
            "AB_NAMESPACE": "test", "PLUGIN_GRPC_SERVER_AUTH_ENABLED": "false", "REWARD_CLIENT_MODE": "mock", "CHALLENGE_CONFIG_PATH": str(config),
            "MIGRATIONS_PATH": str(ROOT / "migrations"), "HTTP_PORT": "0", "GRPC_PORT": "0", "METRICS_PORT": "0",
            "SERVICE_THREADS": "2", **{key: str(value) for key, value in variables.items()}}


@contextlib.contextmanager
def running_service(database, config, name=None, expect_exit=0, program="challenge-service", process_group=None, **variables):
    """A service on a fresh database; afterwards SIGTERM must end it with `expect_exit` (None: it may be dead already).
    process_group=0: Ctrl-C at the terminal is not for it."""
    name = name or database.fresh()
    environment = service_environment(database, name, config, **variables)
    with tempfile.TemporaryDirectory(prefix="gauntlet-service-") as folder:
        log = pathlib.Path(folder) / "log"
        with open(log, "w") as out:
            process = subprocess.Popen([BIN / program], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, process_group=process_group)
        try:
            ports = await_ready(process, log)
            yield Service(f"http://127.0.0.1:{ports[0]}/challenge", f"127.0.0.1:{ports[1]}", f"http://127.0.0.1:{ports[2]}",
                          process, log, database, name, environment)
            if expect_exit is not None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(START_S) == expect_exit, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def await_ready(process, log):
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        found = READY.search(log.read_text())
        if found:
            return found.groups()
        assert process.poll() is None, f"challenge-service ended with {process.returncode}: {log.read_text()}"
        time.sleep(0.02)
    raise AssertionError(f"challenge-service is not ready: {log.read_text()}")


def start_that_fails(environment, program="challenge-service"):
    """(exit status, what it said) of a start that must not succeed."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-service-") as folder:
        done = subprocess.run([BIN / program], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=START_S)
    return done.returncode, done.stdout
