"""Starting, stopping, reloading, and what players see while PostgreSQL is away."""
import concurrent.futures
import json
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import pytest

from mock_platform import real_rewards, running_platform
from service_under_test import BIN, POSTGRES_BIN, ROOT, running_service, service_environment, start_that_fails

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE / "contract_challenges.json"

pytestmark = pytest.mark.usefixtures("database")

BAD_STARTS = [
    # variables -> exit status, what the message must hold
    ({"HTTP_PORT": "99999"}, 2, ["HTTP_PORT", "99999", "65535"]),
    ({"PLUGIN_GRPC_SERVER_AUTH_ENABLED": "perhaps"}, 2, ["PLUGIN_GRPC_SERVER_AUTH_ENABLED", "perhaps", "true"]),
    ({"REWARD_CLIENT_MODE": "free"}, 2, ["REWARD_CLIENT_MODE", "free", "mock, real"]),
    ({"BASE_PATH": "challenge"}, 2, ["BASE_PATH", "challenge", "begin with /"]),
    ({"LOG_LEVEL": "loud"}, 2, ["LOG_LEVEL", "loud", "debug"]),
    ({"DB_PORT": "0"}, 2, ["DB_PORT", "0"]),
    ({"DB_SSLMODE": "maybe"}, 2, ["DB_SSLMODE", "maybe", "require"]),
    ({"DB_MAX_OPEN_CONNS": "-1"}, 2, ["DB_MAX_OPEN_CONNS", "-1"]),
    ({"SERVICE_THREADS": "none"}, 2, ["SERVICE_THREADS", "none"]),
    ({"MOCK_AGS_LATENCY_MIN_MS": "300", "MOCK_AGS_LATENCY_MAX_MS": "200"}, 2, ["MOCK_AGS_LATENCY_MIN_MS", "300 > 200"]),
    ({"CHALLENGE_CONFIG_PATH": "/nowhere/challenges.json"}, 3, ["/nowhere/challenges.json", "CHALLENGE_CONFIG_PATH"]),
    ({"DB_NAME": "no_such_database", "DB_STARTUP_WAIT": "0"}, 4, ["no_such_database"]),
    ({"DB_HOST": "/nowhere", "DB_STARTUP_WAIT": "0"}, 4, ["/nowhere"]),
    ({"MIGRATIONS_PATH": "/nowhere"}, 4, ["/nowhere"]),
]


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
    with running_service(database, CONFIG) as service:
        for path, body in [("/livez", '{"status":"live"}'), ("/readyz", '{"status":"ready"}')]:
            with urllib.request.urlopen(service.metrics_url + path, timeout=10) as answer:
                assert (answer.status, answer.read().decode()) == (200, body)


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
    with running_service(database, CONFIG, name=name, DB_USER="challenge_app", DB_MIGRATION_USER="challenge_owner"):
        pass  # a second start, with everything there


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
    with running_service(database, CONFIG, name=name) as service:
        give_up = time.monotonic() + 15
        while service.row("ann", "rung-1")[1] != "claimed":
            assert time.monotonic() < give_up, service.log.read_text()
            time.sleep(0.05)
        assert service.sql("SELECT claim_key, state FROM reward_claim") == [["01234567-89ab-7def-8123-456789abcdef", "granted"]]
        assert service.sql("SELECT claimed_at FROM user_goal_progress") == [["2026-01-02 03:04:06"]]


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
            assert (listed.status, listed.json["message"]) == (500, "Database error occurred")
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
