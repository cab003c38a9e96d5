"""A PostgreSQL that fails over: the campaign's faults once each (make faults-failover N=100 runs the long one), what the services say about
it, and poolers, which are refused."""
import contextlib
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import grpc
import pytest

from event_handler import running_handler
from service_under_test import ROOT, running_service, service_environment, start_that_fails

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from postgres_trio import running_trio  # noqa: E402

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
CAMPAIGN = pathlib.Path(__file__).resolve().parent / "failover_campaign.py"
PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
INITIALIZE = ("POST", "/v1/challenges/initialize", {}, "ann")


def until(condition, said=lambda: ""):
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, said()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def trio():
    with running_trio() as running:
        yield running


def test_nothing_acknowledged_is_lost_or_doubled_whatever_happens_to_a_primary_with_a_synchronous_standby():
    ended = subprocess.run([sys.executable, CAMPAIGN, "--faults", "6"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "replication synchronous  faults 6 " in ended.stdout
    assert "events lost = 0  doubled = 0  claims lost = 0  rewards granted twice = 0  claimed without a reward = 0" in ended.stdout


@pytest.fixture
def patroni():
    if not all(map(shutil.which, ("patroni", "etcd", "pgbouncer"))):
        pytest.skip("Patroni, etcd and PgBouncer are not installed (scripts/install-deps --failover)")
    if subprocess.run(["unshare", "--net", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        pytest.skip("no network and processes of one's own here: root")


@pytest.mark.parametrize("between", [[], ["--pgbouncer"]], ids=["", "with a pooler"])
def test_patroni_fails_over_without_a_loss(patroni, between):
    ended = subprocess.run([sys.executable, CAMPAIGN, "--patroni", *between, "--faults", "1"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "faults 1 " in ended.stdout and "events lost = 0  doubled = 0  claims lost = 0  rewards granted twice = 0" in ended.stdout


def test_primary_is_found_wherever_it_stands_in_the_list_and_a_switch_is_logged_and_counted(trio):
    with running_service(trio, CONFIG, **trio.settings) as service:
        assert service.request(*INITIALIZE).status == 200
        first = trio.primary
        assert f'challenge_database_connections{{server="{first.address}:{first.port}"}}' in service.metrics()
        first.stop("fast")
        until(lambda: service.request(*INITIALIZE).status == 503)
        trio.promote()
        until(lambda: service.request(*INITIALIZE).status == 200, service.log.read_text)
        now = trio.primary
        said = f"PostgreSQL server has changed from={first.address}:{first.port} to={now.address}:{now.port}"
        until(lambda: said in service.log.read_text(), service.log.read_text)
        assert int(re.search(r"challenge_database_server_changes_total (\d+)", service.metrics())[1]) >= 1
        assert f'challenge_database_connections{{server="{first.address}:{first.port}"}} 0' in service.metrics()
        first.follow(now)
        trio.await_standbys(2)
    # The primary is not the first of the list any more.
    with running_service(trio, CONFIG, **trio.settings) as service:
        assert service.request(*INITIALIZE).status == 200


def test_former_primary_that_wakes_and_believes_to_be_one_is_not_taken_although_the_new_one_hangs(trio):
    with running_service(trio, CONFIG, **trio.settings) as service:
        assert service.request(*INITIALIZE).status == 200
        former = trio.primary
        former.signal(signal.SIGSTOP)
        trio.promote()
        until(lambda: service.request(*INITIALIZE).status == 200, service.log.read_text)
        now = trio.primary
        former.signal(signal.SIGCONT)
        assert former.sql("postgres", "SELECT pg_is_in_recovery()") == [["f"]]
        # Nor is it written to over a connection of a thread that was idle all the while.
        for number in range(40):
            until(lambda: service.request("POST", "/v1/challenges/initialize", {}, f"late-{number}").status == 200, service.log.read_text)
        for server, rows in ((former, "0"), (now, "120")):
            assert server.sql(service.database_name, "SELECT count(*) FROM user_goal_progress WHERE user_id LIKE 'late-%'") == [[rows]]
        now.signal(signal.SIGSTOP)
        try:
            until(lambda: "it is on timeline" in service.log.read_text(), service.log.read_text)
        finally:
            now.signal(signal.SIGCONT)
        until(lambda: service.request(*INITIALIZE).status == 200, service.log.read_text)
        assert f"to={former.address}:{former.port}" not in service.log.read_text()
        former.follow(now)
        trio.await_standbys(2)


def test_list_without_a_primary_says_so(trio):
    standbys = {"DB_HOST": ",".join(each.address for each in trio.standbys), "DB_PORT": ",".join(str(each.port) for each in trio.standbys)}
    for program in ("challenge-service", "challenge-event-handler"):
        environment = service_environment(trio, "postgres", CONFIG, **{"DB_STARTUP_WAIT": "0", "CONFIG_PATH": CONFIG, **standbys})
        ended, said = start_that_fails(environment, program)
        assert ended == 4, said
        assert "session is read-only" in said and "no server of DB_HOST takes writes" in said, said


def test_commit_that_nobody_waited_for_until_the_standby_had_it_is_not_acknowledged(trio):
    with running_service(trio, CONFIG, **trio.settings) as service, running_handler(service, CONFIG, **trio.settings) as handler:
        service.put_row("ann", "rung-3", "ladder")
        for standby in trio.standbys:
            standby.signal(signal.SIGSTOP)
        try:
            call = handler.statistic_call("ann", "climbs", 2)
            waiting = "application_name = 'challenge-event-handler' AND wait_event = 'SyncRep'"
            until(lambda: trio.sql("postgres", f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {waiting}"))
            assert isinstance(call.exception(), grpc.RpcError), "PostgreSQL answers that it has committed, with a warning"
            assert call.code() == grpc.StatusCode.UNAVAILABLE
        finally:
            for standby in trio.standbys:
                standby.signal(signal.SIGCONT)
        handler.statistic("ann", "climbs", 3)
        assert service.row("ann", "rung-3")[:2] == ["3", "completed"]


@contextlib.contextmanager
def running_pgbouncer(database, tmp_path, **settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    users, config, log = tmp_path / "users", tmp_path / "pgbouncer.ini", tmp_path / "log"
    users.write_text(f'"{database.user}" ""\n')
    lines = {"listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "trust", "auth_file": users,
             "pool_mode": "transaction", **settings}
    config.write_text(f"[databases]\n* = host={database.folder}\n[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()))
    for folder in [tmp_path, *tmp_path.parents]:
        if pathlib.Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(0o755)  # PgBouncer runs as another user than we
    with open(log, "w") as out:
        process = subprocess.Popen([*database.as_postgres, PGBOUNCER, config], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
    try:
        until(answers, log.read_text)
        yield {"DB_HOST": "127.0.0.1", "DB_PORT": str(port)}
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (apt-get install pgbouncer)")
@pytest.mark.parametrize("settings", [{}, {"ignore_startup_parameters": "options"}], ids=["as it comes", "told to ignore our settings"])
@pytest.mark.parametrize("program", ["challenge-service", "challenge-event-handler"])
def test_pgbouncer_in_transaction_mode_is_refused_at_once_with_the_reason(database, tmp_path, program, settings):
    with running_pgbouncer(database, tmp_path, **settings) as address:
        environment = service_environment(database, database.fresh(), CONFIG, CONFIG_PATH=CONFIG, **address)
        ended, said = start_that_fails(environment, program)
        assert ended == 4, said
        assert "a pooler such as PgBouncer stands between here and PostgreSQL" in said and "must name PostgreSQL itself" in said, said


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (apt-get install pgbouncer)")
def test_pgbouncer_whose_roles_have_our_settings_still_lends_sessions_by_the_transaction_and_is_refused(database, tmp_path):
    name = database.fresh()
    database.sql("postgres", f"ALTER DATABASE {name} SET TimeZone = 'UTC'; ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '60s'")
    with running_pgbouncer(database, tmp_path, ignore_startup_parameters="options") as address:
        ended, said = start_that_fails(service_environment(database, name, CONFIG, **address))
        assert ended == 4 and "a pooler such as PgBouncer" in said, said


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (apt-get install pgbouncer)")
def test_pooler_that_lends_a_session_with_our_settings_for_a_connections_life_will_do(database, tmp_path):
    name = database.fresh()
    database.sql("postgres", f"ALTER DATABASE {name} SET TimeZone = 'UTC'; ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '60s'")
    with running_pgbouncer(database, tmp_path, ignore_startup_parameters="options", pool_mode="session") as address, \
            running_service(database, CONFIG, name=name, **address) as service:
        assert service.request(*INITIALIZE).status == 200
