"""Starting, stopping, reloading, and what players see while PostgreSQL is away."""
import concurrent.futures
import json
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from event_handler import running_handler
from mock_platform import real_rewards, running_platform
from service_under_test import (BIN, POSTGRES_BIN, ROOT, private_database, running_service, service_environment, start_that_fails,
                                without_duplicates)

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE / "contract_challenges.json"

pytestmark = pytest.mark.usefixtures("database")

BAD_STARTS = [
    # variables -> exit status, what the message must hold
    ({"HTTP_PORT": "99999"}, 2, ["HTTP_PORT", "99999", "65535"]),
    ({"PLUGIN_GRPC_SERVER_AUTH_ENABLED": "perhaps"}, 2, ["PLUGIN_GRPC_SERVER_AUTH_ENABLED", "perhaps", "true"]),
    ({"REWARD_CLIENT_MODE": "free"}, 2, ["REWARD_CLIENT_MODE", "free", "mock, real"]),
    ({"BASE_PATH": "challenge"}, 2, ["BASE_PATH", "challenge", "begin with /"]),
    *[({"BASE_PATH": path}, 2, ["BASE_PATH", path]) for path in ("/a#b", "/a//b", "/a/../b", "/%zz", "/a\tb")],
    *[({"AB_BASE_URL": url, "PLUGIN_GRPC_SERVER_AUTH_ENABLED": "true"}, 2, ["AB_BASE_URL", url])
      for url in ("http://", "http:///x", "http://a b", "http://x?y")],
    ({"AB_NAMESPACE": 101 * "x"}, 2, ["AB_NAMESPACE", "100 bytes"]),
    ({"RATE_LIMIT_PER_PLAYER": "1e-10"}, 2, ["RATE_LIMIT_PER_PLAYER", "at least 0.001"]),
    ({"SERVICE_THREADS": "16", "DB_MAX_OPEN_CONNS": "4"}, 2, ["SERVICE_THREADS", "DB_MAX_OPEN_CONNS, which is 4"]),
    ({"LOG_LEVEL": "loud"}, 2, ["LOG_LEVEL", "loud", "debug"]),
    ({"DB_PORT": "0"}, 2, ["DB_PORT", "0"]),
    ({"DB_HOST": "a,b", "DB_PORT": "1,2,3"}, 2, ["DB_PORT=1,2,3", "DB_HOST=a,b"]),
    ({"DB_HOST": "a,,b"}, 2, ["DB_HOST=a,,b"]),
    ({"DB_SSLMODE": "maybe"}, 2, ["DB_SSLMODE", "maybe", "require"]),
    ({"DB_MAX_OPEN_CONNS": "-1"}, 2, ["DB_MAX_OPEN_CONNS", "-1"]),
    ({"SERVICE_THREADS": "none"}, 2, ["SERVICE_THREADS", "none"]),
    ({"MOCK_AGS_LATENCY_MIN_MS": "300", "MOCK_AGS_LATENCY_MAX_MS": "200"}, 2, ["MOCK_AGS_LATENCY_MIN_MS", "300 > 200"]),
    ({"CHALLENGE_CONFIG_PATH": "/nowhere/challenges.json"}, 3, ["/nowhere/challenges.json", "CHALLENGE_CONFIG_PATH"]),
    ({"HTTP_PORT": "7000", "METRICS_PORT": "7000"}, 2, ["METRICS_PORT", "7000", "HTTP_PORT"]),
    ({"LOG_FORMAT": "xml"}, 2, ["LOG_FORMAT", "xml", "text, json"]),
]

# What may be wrong with the database at either program's start: variables -> what the message must hold, once each.
DATABASE_STARTS = [
    ({"DB_NAME": "no_such_database"}, ["no_such_database", "CREATE DATABASE", "DB_NAME"]),
    ({"DB_USER": "no_such_role"}, ["CREATE ROLE", "DB_USER"]),
    ({"DB_USER": "no_login"}, ["LOGIN", "DB_USER"]),
    ({"DB_USER": "with_password"}, ["needs a password", "DB_PASSWORD"]),
    ({"DB_USER": "with_password", "DB_PASSWORD": "wrong"}, ["DB_USER and DB_PASSWORD"]),
    ({"DB_USER": "shut_out"}, ["pg_hba.conf must let DB_USER in"]),
    ({"DB_USER": "poor"}, ["creating schema_migrations", "DB_MIGRATION_USER"]),
    ({"DB_HOST": "/nowhere"}, ["/nowhere/", "DB_HOST and DB_PORT"]),
    ({"DB_HOST": "127.0.0.1", "DB_PORT": "1"}, ["Connection refused", "DB_HOST and DB_PORT"]),
    ({"DB_HOST": "postgres://db:5432/x"}, ["could not translate", "DB_HOST must be"]),
    ({"MIGRATIONS_PATH": "/nowhere"}, ["MIGRATIONS_PATH=/nowhere", "no folder"]),
    ({"MIGRATIONS_PATH": "file:///nowhere"}, ["MIGRATIONS_PATH=file:///nowhere", "no folder /nowhere"]),
    ({"MIGRATIONS_PATH": "/"}, ["no migrations in /", "MIGRATIONS_PATH must name"]),
]


@pytest.fixture(scope="module")
def guarded_database():
    """One that does not trust everybody."""
    with private_database() as guarded:
        guarded.sql("postgres", "CREATE ROLE no_login NOLOGIN; CREATE ROLE poor LOGIN; CREATE ROLE shut_out LOGIN;"
                                "CREATE ROLE with_password LOGIN PASSWORD 'secret'")
        guarded.stop()
        (guarded.folder / "data/pg_hba.conf").write_text("local all with_password scram-sha-256\nlocal all shut_out reject\nlocal all all trust\n")
        guarded.start_again()
        yield guarded


@pytest.mark.parametrize("program", ["challenge-service", "challenge-event-handler"])
@pytest.mark.parametrize("variables,words", DATABASE_STARTS, ids=[" ".join(f"{k}={v}" for k, v in s[0].items()) for s in DATABASE_STARTS])
def test_start_without_its_database_says_where_it_looked_and_what_to_change(guarded_database, program, variables, words):
    environment = service_environment(guarded_database, "postgres", CONFIG, **{"DB_STARTUP_WAIT": "0", "CONFIG_PATH": CONFIG, **variables})
    ended, said = start_that_fails(environment, program)
    assert ended == 4, said
    for word in words:
        assert word in said, said
    assert said.count("PostgreSQL at") == (0 if "no folder" in said else 1), said
    if "MIGRATIONS_PATH" not in variables:
        assert environment["DB_HOST"] in said, said


def test_missing_role_of_the_service_beside_the_schemas_owner_is_named(guarded_database):
    environment = service_environment(guarded_database, guarded_database.fresh(), CONFIG, DB_MIGRATION_USER="postgres", DB_USER="no_such_role")
    ended, said = start_that_fails(environment)
    assert ended == 4 and "CREATE ROLE ... LOGIN makes it, or DB_USER names another one" in said
    ended, said = start_that_fails({**environment, "DB_MIGRATION_USER": "no_such_owner", "DB_STARTUP_WAIT": "0"})
    assert ended == 4 and "DB_MIGRATION_USER names another one" in said


PORTS = [("challenge-service", "HTTP_PORT"), ("challenge-service", "GRPC_PORT"), ("challenge-service", "METRICS_PORT"),
         ("challenge-event-handler", "GRPC_PORT"), ("challenge-event-handler", "METRICS_PORT")]


@pytest.mark.parametrize("program,setting", PORTS)
def test_taken_port_is_named_with_its_setting(database, program, setting):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as another replica has it: it must not be shared in silence
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        ended, said = start_that_fails(service_environment(database, database.fresh(), CONFIG, CONFIG_PATH=CONFIG, **{setting: port}), program)
    assert ended == 5 and f"{setting} and LISTEN_ADDRESS" in said and f":{port}" in said and "in use" in said, said


@pytest.mark.parametrize("program", ["challenge-service", "challenge-event-handler"])
@pytest.mark.parametrize("url", ["file://{root}/migrations", "file://migrations", "file://{root}/mi%67rations", "{root}/migrations"])
def test_migrations_are_found_by_path_and_by_url(database, tmp_path, program, url):
    (tmp_path / "migrations").symlink_to(ROOT / "migrations")
    name = database.fresh()
    environment = service_environment(database, name, CONFIG, CONFIG_PATH=CONFIG, MIGRATIONS_PATH=url.format(root=ROOT), LISTEN_ADDRESS="192.0.2.1")
    done = subprocess.run([BIN / program], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert done.returncode == 5, done.stderr  # 192.0.2.1 is nobody's; the schema comes first
    assert len(database.sql(name, "SELECT 1 FROM schema_migrations")) == len(list((ROOT / "migrations").glob("*.up.sql")))


# ---- flags

PROGRAMS = ["challenge-service", "challenge-event-handler"]


def ask(program, *flags, **environment):
    return subprocess.run([BIN / program, *flags], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_says_ports_signals_exit_statuses_settings_and_an_example(program, flag):
    done = ask(program, flag, GRPC_PORT="wrong")
    assert done.returncode == 0 and done.stderr == ""
    config = "CHALLENGE_CONFIG_PATH=" if program == "challenge-service" else "CONFIG_PATH="
    for word in [program, "--settings", "--version", "METRICS_PORT=", "GRPC_PORT=", "SIGTERM", "DB_HOST=", config, "LOG_FORMAT=json"]:
        assert word in done.stdout, word
    manual = (ROOT / "docs/OPERATIONS.md").read_text()
    assert re.findall(r"^  (\d)  ", done.stdout, re.M) == re.findall(r"^\| (\d) \|", manual, re.M)
    defaults = dict(re.findall(r"^\| `(\w+_PORT)` \| integer[^|]*\| `(\d+)`", ask(program, "--settings").stdout, re.M))
    assert dict(re.findall(r"(\w+_PORT)=(\d+)", done.stdout)) == defaults


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_is_the_projects(program):
    version = re.search(r"project\(gauntlet VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    done = ask(program, "--version")
    assert (done.returncode, done.stdout) == (0, f"{program} {version}\n")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("flags", [["--halp"], ["serve"], ["--help", "--port=1"]], ids=lambda flags: " ".join(flags))
def test_unknown_argument_is_named_beside_those_there_are(program, flags):
    done = ask(program, *flags)
    assert done.returncode == 2 and done.stdout == ""
    assert flags[-1] in done.stderr and "--help, --settings and --version" in done.stderr


# ---- the log as JSON


@pytest.mark.parametrize("program", PROGRAMS)
def test_log_as_json_is_an_object_a_line_on_standard_output_and_nothing_else(database, tmp_path, program):
    environment = service_environment(database, database.fresh(), CONFIG, CONFIG_PATH=CONFIG, LOG_FORMAT="json", LOG_LEVEL="debug")
    out = tmp_path / "out"
    with open(out, "wb") as stdout, open(tmp_path / "err", "wb") as stderr:
        process = subprocess.Popen([BIN / program], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
    try:
        give_up = time.monotonic() + 20
        while f"{program} is serving" not in out.read_text():
            assert process.poll() is None and time.monotonic() < give_up, (tmp_path / "err").read_text()
            time.sleep(0.02)
        if program == "challenge-service":
            port = next(line["http_port"] for line in map(json.loads, out.read_text().splitlines()) if "http_port" in line)
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b'GET /challenge/v1/a"b\\\xff\xc3(/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
                while client.recv(4096):
                    pass
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (tmp_path / "err").read_text() == ""
    lines = [json.loads(line, object_pairs_hook=without_duplicates) for line in out.read_bytes().decode().splitlines()]
    assert all(list(line)[:3] == ["time", "level", "message"] for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    assert {line["level"] for line in lines} <= {"debug", "info", "warning", "error"}
    serving = next(line for line in lines if line["message"] == f"{program} is serving")
    assert isinstance(serving["grpc_port"], int)
    assert lines[-1]["message"] == "stopped"
    if program == "challenge-service":
        asked = next(line for line in lines if line["message"] == "request")
        assert asked["method"] == "GET" and 'a"b\\\ufffd' in asked["path"] and isinstance(asked["ms"], float)


@pytest.mark.parametrize("program", PROGRAMS)
def test_start_that_fails_says_why_in_the_json_log(program):
    done = ask(program, LOG_FORMAT="json", GRPC_PORT="wrong", HTTP_PORT="x\ny")
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert done.returncode == 2 and done.stderr == ""
    assert (said["level"], said["message"], said["exit_status"]) == ("error", f"{program} ends", 2)
    assert "GRPC_PORT: 'wrong' is not allowed" in said["reason"]


@pytest.mark.parametrize("variables,status,words", BAD_STARTS, ids=[" ".join(f"{k}={v}" for k, v in b[0].items()) for b in BAD_STARTS])
def test_bad_start_ends_with_its_status_and_one_clear_message(database, variables, status, words):
    environment = service_environment(database, database.fresh(), CONFIG, **variables)
    ended, said = start_that_fails(environment)
    assert ended == status, said
    for word in words:
        assert word in said, said


def test_two_bad_settings_are_both_named(database):
    ended, said = start_that_fails(service_environment(database, "postgres", CONFIG, HTTP_PORT="x", DB_SSLMODE="maybe"))
    assert ended == 2 and "HTTP_PORT" in said and "DB_SSLMODE" in said


def test_bad_challenge_config_names_every_problem_with_its_path(database, tmp_path):
    config = json.loads(CONFIG.read_text())
    config["challenges"][0]["goals"][0]["requirement"]["targetValue"] = 0
    config["challenges"][1]["goals"][1]["reward"]["type"] = "GOLD"
    broken = tmp_path / "challenges.json"
    broken.write_text(json.dumps(config))
    ended, said = start_that_fails(service_environment(database, "postgres", broken))
    assert ended == 3
    assert "challenges[0].goals[0].requirement.targetValue: must be a whole number from 1 to 2147483647, is 0" in said
    assert "challenges[1].goals[1].reward.type: must be one of ITEM, WALLET, is \"GOLD\"" in said


@pytest.mark.parametrize("variable", ["HTTP_PORT", "GRPC_PORT", "METRICS_PORT"])
def test_taken_port_is_named(database, variable):
    with running_service(database, CONFIG) as first:
        url = {"HTTP_PORT": first.base_url, "GRPC_PORT": first.grpc, "METRICS_PORT": first.metrics_url}[variable]
        port = re.search(r":(\d+)", url.removeprefix("http:"))[1]
        ended, said = start_that_fails(service_environment(database, first.database_name, CONFIG, **{variable: port}))
        assert ended == 5 and port in said


def test_probes_say_live_and_ready(database):
    with running_service(database, CONFIG) as service, running_handler(service, CONFIG) as handler:
        for program in (service, handler):
            for path, body in [("/livez", '{"status":"live"}'), ("/readyz", '{"status":"ready"}')]:
                with urllib.request.urlopen(program.metrics_url + path, timeout=10) as answer:
                    assert (answer.status, answer.read().decode()) == (200, body)


@pytest.mark.parametrize("program", ["challenge-service", "challenge-event-handler"])
def test_sigterm_ends_a_start_that_waits_for_postgresql(database, program):
    environment = service_environment(database, "any", CONFIG, CONFIG_PATH=CONFIG, DB_HOST="127.0.0.1", DB_PORT="1", DB_STARTUP_WAIT="1h")
    with subprocess.Popen([BIN / program], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as started:
        try:
            while "waiting for PostgreSQL" not in started.stdout.readline():
                assert started.poll() is None
            started.send_signal(signal.SIGTERM)
            assert started.wait(20) == 4
        finally:
            started.kill()


def test_sigterm_answers_what_is_in_flight_and_ends_with_0(database):
    with running_service(database, CONFIG, MOCK_AGS="true", MOCK_AGS_LATENCY_MIN_MS="700", MOCK_AGS_LATENCY_MAX_MS="700",
                         expect_exit=None) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            claim = threads.submit(service.request, "POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann")
            while not service.sql("SELECT 1 FROM reward_claim"):
                time.sleep(0.01)
            service.process.send_signal(signal.SIGTERM)
            assert claim.result().status == 200
        assert service.process.wait(20) == 0, service.log.read_text()
        assert service.row("ann", "rung-1")[1] == "claimed"


def test_sigterm_does_not_wait_for_who_watches_the_health_and_writes_what_is_buffered(database):
    with running_service(database, CONFIG) as service, grpc.insecure_channel(service.grpc) as channel:
        service.put_row("ann", "old-daily", "old")
        watches = [HealthStub(channel).Watch(HealthCheckRequest())]
        with running_handler(service, CONFIG, BUFFER_FLUSH_INTERVAL="60s") as handler:
            watches.append(HealthStub(handler.channel).Watch(HealthCheckRequest()))
            for watch in watches:
                assert next(watch).status == HealthCheckResponse.SERVING
            handler.login("ann")
            handler.process.send_signal(signal.SIGTERM)
            service.process.send_signal(signal.SIGTERM)
            for program, watch in zip((handler, service), reversed(watches)):
                with pytest.raises(grpc.RpcError) as ended:
                    list(watch)
                assert (ended.value.code(), ended.value.details()) == (grpc.StatusCode.UNAVAILABLE, "the server is stopping")
                assert program.process.wait(30) == 0, program.log.read_text()
        assert service.row("ann", "old-daily")[1] == "completed"


def test_half_a_rest_request_is_answered_after_sigterm_and_does_not_keep_grpc_open(database):
    with running_service(database, CONFIG) as service:
        url = urllib.parse.urlsplit(service.base_url)
        with socket.create_connection((url.hostname, url.port)) as half:
            half.sendall(b"POST /challenge/v1/challenges/initialize HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert half.recv(1000).startswith(b"HTTP/1.1 100 ")
            service.process.send_signal(signal.SIGTERM)
            host, port = service.grpc.split(":")
            with pytest.raises(ConnectionRefusedError):
                while True:
                    socket.create_connection((host, port)).close()
                    time.sleep(0.05)
            half.sendall(b"{}")
            assert half.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_sighup_reloads_a_good_config_and_keeps_the_old_one_otherwise(database, tmp_path):
    config = json.loads(CONFIG.read_text())
    path = tmp_path / "challenges.json"
    path.write_text(json.dumps(config))

    def names(service):
        return [challenge["name"] for challenge in service.request("GET", "/v1/challenges").json["challenges"]]

    def reload(service, text, said):
        path.write_text(text)
        service.process.send_signal(signal.SIGHUP)
        while said not in service.log.read_text():
            time.sleep(0.01)

    with running_service(database, path) as service:
        config["challenges"][0]["name"] = "Renamed"
        reload(service, json.dumps(config), "challenge config reloaded")
        while names(service)[0] != "Renamed":
            time.sleep(0.01)
        reload(service, "{", "not reloaded")
        assert names(service)[0] == "Renamed"


def test_sighup_is_a_line_in_the_event_handlers_log(database):
    with running_service(database, CONFIG) as service, running_handler(service, CONFIG) as handler:
        handler.process.send_signal(signal.SIGHUP)
        while "SIGHUP does nothing here" not in handler.log.read_text():
            time.sleep(0.01)
        assert handler.process.poll() is None and handler.metrics()


# As contract section 6 describes what the deployed services made, with the bookkeeping of their migration runner.
EXISTING_DATABASE = """
    CREATE TABLE user_goal_progress (
      user_id varchar(100) NOT NULL, goal_id varchar(100) NOT NULL, challenge_id varchar(100) NOT NULL,
      namespace varchar(100) NOT NULL, progress int NOT NULL DEFAULT 0, status varchar(20) NOT NULL DEFAULT 'not_started',
      completed_at timestamp, claimed_at timestamp, created_at timestamp NOT NULL DEFAULT now(),
      updated_at timestamp NOT NULL DEFAULT now(), is_active boolean NOT NULL DEFAULT true, assigned_at timestamp,
      expires_at timestamp, baseline_value int, PRIMARY KEY (user_id, goal_id),
      CONSTRAINT check_status CHECK (status IN ('not_started', 'in_progress', 'completed', 'claimed')),
      CONSTRAINT check_progress_non_negative CHECK (progress >= 0),
      CONSTRAINT check_claimed_implies_completed CHECK (claimed_at IS NULL OR completed_at IS NOT NULL));
    CREATE INDEX idx_user_goal_progress_user_challenge ON user_goal_progress (user_id, challenge_id);
    CREATE INDEX idx_user_goal_progress_user_active ON user_goal_progress (user_id, is_active) WHERE is_active = true;
    CREATE INDEX idx_user_goal_count ON user_goal_progress (user_id);
    CREATE INDEX idx_user_goal_lookup ON user_goal_progress (user_id, goal_id);
    CREATE INDEX idx_user_goal_active_only ON user_goal_progress (user_id) WHERE is_active = true;
    CREATE INDEX somebodys_report ON user_goal_progress (updated_at);
    CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
    INSERT INTO schema_migrations VALUES (3, false);
    INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at, claimed_at)
      VALUES ('ann', 'rung-1', 'ladder', 'test', 1, 'completed', now(), NULL),
             ('bob', 'rung-1', 'ladder', 'test', 1, 'claimed', now(), now())"""


def test_existing_database_is_upgraded_in_place_with_its_rows(database):
    name = database.fresh()
    database.sql(name, EXISTING_DATABASE)
    untouched = "SELECT user_id, goal_id, progress, status, completed_at, claimed_at, created_at, updated_at FROM user_goal_progress ORDER BY 1"
    before = database.sql(name, untouched)
    with running_service(database, CONFIG, name=name) as service:
        assert service.sql(untouched) == before
        assert service.sql("SELECT indexname FROM pg_indexes WHERE tablename = 'user_goal_progress' ORDER BY 1") == [
            ["somebodys_report"], ["user_goal_progress_pkey"]], "what the primary key serves has gone, what is somebody's own stays"
        assert service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann").status == 200
        assert service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "bob").status == 409
    with running_service(database, CONFIG, name=name):
        assert database.sql(name, "SELECT version FROM schema_migrations_before_gauntlet") == [["3"]], "a second start finds all done"


def test_a_million_rows_are_upgraded_while_the_earlier_service_writes_them(database, tmp_path):
    name = database.fresh()
    database.sql(name, EXISTING_DATABASE)
    database.sql(name, """INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace)
      SELECT 'player-' || p, 'rung-' || g, 'ladder', 'test' FROM generate_series(1, 100000) p, generate_series(1, 10) g""")
    write = tmp_path / "write.sql"
    write.write_text("""\\set p random(1, 100000)
\\set g random(1, 10)
UPDATE user_goal_progress SET progress = progress + 1, updated_at = now() WHERE user_id = 'player-' || :p AND goal_id = 'rung-' || :g;
""")
    writer = subprocess.Popen([POSTGRES_BIN / "pgbench", "-n", "-h", database.folder, "-U", database.user, "-f", write, "-c", "4", "-T", "8", name],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(1)
        with running_service(database, CONFIG, name=name) as service:
            assert writer.poll() is None, "it is upgraded under load"
            assert service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann").status == 200
            said, _ = writer.communicate(timeout=60)
    finally:
        writer.kill()
    assert writer.returncode == 0 and "number of failed transactions: 0 " in said, said
    written = int(re.search(r"number of transactions actually processed: (\d+)", said)[1])
    assert database.sql(name, "SELECT count(*), sum(progress) FROM user_goal_progress WHERE user_id LIKE 'player-%'") == [["1000000", str(written)]]


def test_first_generation_of_the_table_gets_its_later_columns(database):
    name = database.fresh()
    database.sql(name, """
        CREATE TABLE user_goal_progress (
          user_id varchar(100) NOT NULL, goal_id varchar(100) NOT NULL, challenge_id varchar(100) NOT NULL,
          namespace varchar(100) NOT NULL, progress int NOT NULL DEFAULT 0, status varchar(20) NOT NULL DEFAULT 'not_started',
          completed_at timestamp, claimed_at timestamp, created_at timestamp NOT NULL DEFAULT now(),
          updated_at timestamp NOT NULL DEFAULT now(), PRIMARY KEY (user_id, goal_id));
        INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at)
          VALUES ('ann', 'rung-1', 'ladder', 'test', 1, 'completed', now())""")
    with running_service(database, CONFIG, name=name) as service:
        assert service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann").status == 200


def test_service_works_as_a_role_that_owns_nothing(database):
    name = database.fresh()
    database.sql(name, "DROP ROLE IF EXISTS challenge_owner, challenge_app; CREATE ROLE challenge_owner LOGIN; CREATE ROLE challenge_app LOGIN")
    database.sql(name, f"ALTER DATABASE {name} OWNER TO challenge_owner; ALTER SCHEMA public OWNER TO challenge_owner")
    with running_service(database, CONFIG, name=name, DB_USER="challenge_app", DB_MIGRATION_USER="challenge_owner") as service:
        for method, path, body in [("POST", "/v1/challenges/initialize", {}), ("GET", "/v1/challenges", None),
                                   ("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": True}),
                                   ("POST", "/v1/challenges/rounds/goals/batch-select", {"goal_ids": ["round-keep"], "replace_existing": True}),
                                   ("POST", "/v1/challenges/rounds/goals/random-select", {"count": 1})]:
            assert service.request(method, path, body, "ann").status == 200
        service.sql("UPDATE user_goal_progress SET status = 'completed', completed_at = now() WHERE goal_id = 'rung-1'")
        assert service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann").status == 200
        for forbidden in ("DELETE FROM user_goal_progress", "TRUNCATE user_goal_progress", "DROP TABLE reward_claim", "CREATE TABLE mine ()",
                          "ALTER TABLE user_goal_progress ADD COLUMN x int", "DELETE FROM reward_claim", "SELECT * FROM schema_migrations"):
            with pytest.raises(AssertionError, match="denied|must be owner"):
                database.sql(name, f"SET SESSION AUTHORIZATION challenge_app; {forbidden}")
    with running_service(database, CONFIG, name=name, DB_USER="challenge_app", DB_MIGRATION_USER="challenge_owner") as service:
        # A second start, with everything there; then the table is another one.
        assert service.sql("SET ROLE challenge_owner; SELECT partition_user_goal_progress(2)") == [["t"]]
        assert service.request("GET", "/v1/challenges", user="ann").status == 200


def test_role_that_may_not_migrate_is_told_which_setting_helps(database):
    name = database.fresh()
    database.sql(name, "DROP ROLE IF EXISTS challenge_nobody; CREATE ROLE challenge_nobody LOGIN")
    ended, said = start_that_fails(service_environment(database, name, CONFIG, DB_USER="challenge_nobody"))
    assert ended == 4 and "DB_MIGRATION_USER" in said


@pytest.mark.parametrize("program", ["challenge-service", "challenge-event-handler"])
def test_settings_table_of_the_operations_manual_is_the_programs_own(program):
    printed = subprocess.run([BIN / program, "--settings"], env={}, capture_output=True, text=True, check=True).stdout
    manual = (ROOT / "docs" / "OPERATIONS.md").read_text()
    begin, end = f"<!-- {program} --settings -->\n", "<!-- end -->"
    table = manual[manual.index(begin) + len(begin):]
    assert table[:table.index(end)] == printed, f"paste what {program} --settings prints"


@pytest.mark.parametrize("namespace", [None, ""])
def test_event_handler_without_its_namespace_does_not_start(database, namespace):
    environment = service_environment(database, "postgres", CONFIG, CONFIG_PATH=CONFIG)
    environment.pop("AB_NAMESPACE") if namespace is None else environment.update(AB_NAMESPACE=namespace)
    ended, said = start_that_fails(environment, "challenge-event-handler")
    assert ended == 2 and "AB_NAMESPACE" in said, said


def test_open_claim_of_a_crashed_service_is_finished_with_its_own_key(database):
    name = database.fresh()
    with running_service(database, CONFIG, name=name):
        pass  # migrates
    database.sql(name, """
        INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at)
          VALUES ('ann', 'rung-1', 'ladder', 'test', 1, 'completed', '2026-01-02 03:04:05');
        INSERT INTO reward_claim (user_id, goal_id, claim_key, challenge_id, namespace, reward_type, reward_id, reward_quantity,
                                  state, completed_at, opened_at, lease_until)
          VALUES ('ann', 'rung-1', '01234567-89ab-7def-8123-456789abcdef', 'ladder', 'test', 'WALLET', 'GEMS', 5, 'granting',
                  '2026-01-02 03:04:05', '2026-01-02 03:04:06', timezone('utc', now()) - interval '1 second')""")
    for table in ("user_goal_progress", "reward_claim"):  # another namespace's service has crashed too
        database.sql(name, f"CREATE TEMP TABLE copied AS TABLE {table}; UPDATE copied SET user_id = 'bob', namespace = 'other';"
                           f"INSERT INTO {table} TABLE copied")
    with running_service(database, CONFIG, name=name) as service:
        claim = service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "bob")
        assert (claim.status, claim.json["code"]) == (409, 10), "his own service will take it up"
        give_up = time.monotonic() + 15
        while service.row("ann", "rung-1")[1] != "claimed":
            assert time.monotonic() < give_up, service.log.read_text()
            time.sleep(0.05)
        key = "01234567-89ab-7def-8123-456789abcdef"
        assert service.sql("SELECT user_id, claim_key, state FROM reward_claim ORDER BY 1") == [["ann", key, "granted"], ["bob", key, "granting"]]
        assert service.sql("SELECT claimed_at FROM user_goal_progress ORDER BY user_id") == [["2026-01-02 03:04:06"], [""]]


def test_open_claim_waits_for_a_person_where_the_platform_honours_no_keys(database):
    name = database.fresh()
    with running_service(database, CONFIG, name=name):
        pass  # migrates
    database.sql(name, """
        INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at)
          VALUES ('ann', 'rung-1', 'ladder', 'test', 1, 'completed', '2026-01-02 03:04:05');
        INSERT INTO reward_claim (user_id, goal_id, claim_key, challenge_id, namespace, reward_type, reward_id, reward_quantity,
                                  state, completed_at, opened_at, lease_until)
          VALUES ('ann', 'rung-1', '01234567-89ab-7def-8123-456789abcdef', 'ladder', 'test', 'WALLET', 'GEMS', 5, 'granting',
                  '2026-01-02 03:04:05', '2026-01-02 03:04:06', timezone('utc', now()) - interval '1 second')""")
    with running_service(database, CONFIG, name=name, REWARD_IDEMPOTENCY="false") as service:
        give_up = time.monotonic() + 15
        while service.sql("SELECT state FROM reward_claim") != [["needs_review"]]:
            assert time.monotonic() < give_up, service.log.read_text()
            time.sleep(0.05)
        claim = service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann")
        assert (claim.status, claim.json["code"]) == (409, 10)
        assert service.row("ann", "rung-1")[1] == "completed"
        while "challenge_claims_needing_review 1" not in service.metrics():
            assert time.monotonic() < give_up
            time.sleep(0.05)


def test_while_postgresql_is_away_health_is_503_and_everything_comes_back(database):
    with running_service(database, CONFIG) as service:
        assert service.request("POST", "/v1/challenges/initialize", {}, "ann").status == 200
        database.stop()
        try:
            health = service.request("GET", "/healthz")
            assert (health.status, health.json["code"]) == (503, 14)
            listed = service.request("GET", "/v1/challenges", user="ann")
            assert (listed.status, listed.json["message"]) == (503, "Database error occurred")
            assert service.request("GET", "/v1/challenges/ladder/rotation", user="ann").status == 200
        finally:
            database.start_again()
        give_up = time.monotonic() + 15
        answered = 0  # in a row: each worker finds the server again by itself
        while answered < 16:
            assert time.monotonic() < give_up, service.log.read_text()
            answered = answered + 1 if service.request("POST", "/v1/challenges/initialize", {}, "ann").status == 200 else 0
        assert service.request("GET", "/healthz").status == 200


def test_neither_tokens_nor_secrets_stand_in_the_log(database):
    with running_platform() as platform:
        token = platform.token()
        variables = real_rewards(platform, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true", LOG_LEVEL="debug", DB_PASSWORD="pass-of-the-database",
                                 AB_CLIENT_SECRET="secret-of-the-client", REDIS_PASSWORD="pass-of-redis")
        with running_service(database, CONFIG, **variables) as service:
            service.put_row("ann", "rung-1", "ladder", "completed", 1)
            bearer = {"authorization": f"Bearer {token}"}
            assert service.request("GET", "/v1/challenges", headers=bearer).status == 200
            assert service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", headers=bearer).status == 200
            assert service.request("GET", "/v1/challenges", headers={"authorization": f"Bearer {token}x"}).status == 401
            database.stop("immediate")
            assert service.request("GET", "/v1/challenges", headers=bearer).status in (500, 503)
            database.start_again()
            log = service.log.read_text()
    assert "/v1/challenges" in log, "it logs requests"
    for secret in (token, token.split(".")[2], "pass-of-the-database", "secret-of-the-client", "pass-of-redis", "Bearer "):
        assert secret not in log
