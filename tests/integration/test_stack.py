"""The stack supervisor on real processes: up, ps, restart, down, and what happens when parts of it are killed.

Each stack has a project folder, state and ports of its own, so that these tests run beside other stacks.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("GAUNTLET_BIN", ROOT / "build" / "release" / "bin"))
NAMES = ["challenge-postgres", "challenge-redis", "challenge-service", "challenge-event-handler"]
PROJECT_PARTS = ["config", "migrations", ".env.example"]
# Exit codes of gauntlet that the tests name.
BAD_INPUT, PORT_TAKEN, MISSING_PART, NO_ROOM_OR_RIGHT, NOT_UP, NOT_HEALTHY = 3, 4, 5, 6, 7, 8


def wait_for(condition, seconds=30):
    """What `condition` answers once that is true; the last answer when it never is."""
    give_up = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > give_up:
            return answer
        time.sleep(0.05)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def listener(port=0):
    """A stranger on a port."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield taken.getsockname()[1]


class Project:
    def __init__(self, prefix="gauntlet-stack-"):
        # Not pytest's tmp_path, which no other user may enter: the servers run as one when root runs the tests.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.root.chmod(0o755)
        for part in PROJECT_PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, self.root / part)
        self.state = self.root / "state"

    def command(self, *arguments):
        return [BIN / "gauntlet", "--project", self.root, "--state-dir", self.state, *arguments]

    def call(self, *arguments):
        return subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=170,
                              process_group=0)

    def run(self, *arguments):
        done = self.call(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def up(self, *arguments):
        # Between choosing a free port and listening on it another stack may take it: stacks of several test runs start
        # at the same time.
        for _ in range(3):
            done = self.call("up", "--auto-ports", *arguments)
            if "Address already in use" not in done.stdout + done.stderr:
                break
            self.call("down")
        assert done.returncode == 0, f"up: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def status(self):
        return json.loads(self.call("ps", "--json").stdout)

    def parts(self):
        return {c["name"]: c for c in self.status()["components"]}

    def pids(self):
        return {name: part["pid"] for name, part in self.parts().items()}

    def conditions(self):
        return {name: part["status"] for name, part in self.parts().items()}

    def all_healthy(self):
        return set(self.conditions().values()) == {"Up (healthy)"}

    def sql(self, statement):
        return self.run("exec-sql", "--bare", statement).strip()

    def remove(self):
        self.call("down", "--wipe")
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture
def project():
    project = Project()
    yield project
    project.remove()


@pytest.fixture(scope="module")
def stack():
    """A stack that is up; tests leave it so."""
    project = Project()
    try:
        project.up()
        yield project
    finally:
        project.remove()


def test_ps_lists_the_four_names_up_and_healthy(stack):
    assert wait_for(stack.all_healthy)
    assert stack.conditions() == dict.fromkeys(NAMES, "Up (healthy)")
    lines = stack.run("ps").splitlines()
    assert lines[0].split() == ["NAME", "STATUS"]
    assert [line.split()[0] for line in lines[1:5]] == NAMES


def test_up_again_changes_nothing(stack):
    before = stack.pids()
    stack.up()
    assert stack.pids() == before


def test_env_points_at_servers_that_answer(stack):
    exports = subprocess.run(["bash", "-c", 'eval "$1"; curl -fsS "$BASE_URL/healthz"; psql -XAtc "SELECT 1"', "-", stack.run("env")],
                             capture_output=True, text=True, timeout=20)
    assert exports.stdout == '{"status":"healthy"}1\n', exports.stderr


def test_pg_stat_statements_is_there_and_300_connections_are_allowed(stack):
    assert stack.sql("SELECT count(*) > 0 FROM pg_stat_statements") == "t"
    assert stack.sql("SHOW max_connections") == "300"
    assert stack.sql("SHOW fsync") == "on"


def test_exec_sql_fails_with_the_statements_error(stack):
    done = stack.call("exec-sql", "SELECT * FROM nowhere")
    assert done.returncode != 0 and "nowhere" in done.stderr


def test_exec_sql_runs_a_file(stack):
    file = stack.root / "query.sql"
    file.write_text("SELECT 6 * 7;\n")
    assert stack.run("exec-sql", "--bare", "-f", str(file)).strip() == "42"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops its rights")
def test_servers_of_root_run_as_an_ordinary_user(stack):
    for name, pid in stack.pids().items():
        ids = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Uid:"))
        assert "0" not in ids.split()[1:], f"{name} runs as root"


def test_secrets_are_for_the_owner_alone(stack):
    assert (stack.state / "plan.json").stat().st_mode & 0o077 == 0
    assert (stack.state / "logs").stat().st_mode & 0o077 == 0
    assert (stack.state / "control.sock").stat().st_mode & 0o077 == 0


def test_no_statement_that_postgresql_remembers_holds_the_password(stack):
    password = next(line.partition("=")[2] for line in (stack.root / ".env").read_text().splitlines() if line.startswith("DB_PASSWORD="))
    statements = stack.sql("SELECT query FROM pg_stat_statements WHERE query ~* 'password'")
    assert "SCRAM-SHA-256$" in statements and f"PASSWORD '{password}'" not in statements, statements


def test_the_env_file_that_others_can_read_is_closed_to_them(project):
    shutil.copy(project.root / ".env.example", project.root / ".env")
    (project.root / ".env").chmod(0o644)
    assert ".env holds passwords: its rights are 0600 now" in project.up("challenge-redis")
    assert (project.root / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("request_line", ['{"command":5}', '{"command":"apply","restart":5}', "[]", "5", "null", "no json", '{"command":["down"]}'])
def test_a_request_that_makes_no_sense_is_answered_and_stops_nothing(stack, request_line):
    before = stack.status()["supervisor"]
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20)
        caller.connect(str(stack.state / "control.sock"))
        caller.sendall(request_line.encode() + b"\n")
        assert json.loads(caller.makefile().read())["error"]
    assert stack.status()["supervisor"] == before


@pytest.mark.parametrize("remembered", ['{"a":5}', "[1]", "5", "{", '{"challenge-redis":{"pid":"x"}}'])
def test_a_memory_that_makes_no_sense_does_not_stop_the_start(project, remembered):
    project.state.mkdir(exist_ok=True)
    (project.state / "children.json").write_text(remembered)
    project.up("challenge-redis")
    assert project.conditions()["challenge-redis"] == "Up (healthy)"


def test_a_checkout_may_have_any_name_that_a_folder_can_have():
    project = Project(prefix="it's a \"stack\" #1; \\ $HOME %d ")
    try:
        project.up()
        assert project.sql("SELECT 1") == "1"
        project.run("restart")
        assert wait_for(project.all_healthy)
    finally:
        project.remove()


def test_a_folder_that_postgresqls_clients_cannot_name_is_refused_with_words():
    project = Project(prefix="a,b-")
    try:
        refused = project.call("up")
        assert refused.returncode != 0 and "has a comma" in refused.stderr and "--state-dir" in refused.stderr
    finally:
        project.remove()


def test_nothing_listens_to_the_network(stack):
    ports = {f"{port:04X}" for part in stack.parts().values() for _, port in part["ports"]}
    listening = [line.split()[1] for file in ("/proc/net/tcp", "/proc/net/tcp6")
                 for line in pathlib.Path(file).read_text().splitlines()[1:] if line.split()[3] == "0A"]
    ours = [address for address in listening if address.partition(":")[2] in ports]
    assert len(ours) >= len(ports)
    assert {address.partition(":")[0] for address in ours} == {"0100007F"}  # 127.0.0.1, as the kernel prints it


@pytest.mark.parametrize("name", ["challenge-service", "challenge-event-handler", "challenge-redis"])
def test_a_killed_server_is_back_within_five_seconds(stack, name):
    assert wait_for(stack.all_healthy)
    before = stack.parts()[name]
    os.kill(before["pid"], signal.SIGKILL)
    back = wait_for(lambda: (part := stack.parts()[name])["status"] == "Up (healthy)" and part["pid"] != before["pid"] and part, 5)
    assert back, stack.conditions()
    assert back["restarts"] == before["restarts"] + 1


def test_a_killed_postgresql_recovers_and_keeps_its_rows(stack):
    stack.sql("CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (7)")
    pid = stack.pids()["challenge-postgres"]
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: stack.pids()["challenge-postgres"] != pid and stack.all_healthy(), 40), stack.conditions()
    assert stack.sql("SELECT n FROM kept") == "7"
    stack.sql("DROP TABLE kept")


def test_up_adopts_what_a_killed_supervisor_left(stack):
    assert wait_for(stack.all_healthy)
    before = stack.pids()
    os.kill(stack.status()["supervisor"], signal.SIGKILL)
    assert wait_for(lambda: stack.call("ps").returncode == NOT_UP)
    assert all(is_alive(pid) for pid in before.values())
    stack.run("up")
    assert stack.pids() == before
    # Adopted servers are watched like any other.
    os.kill(before["challenge-service"], signal.SIGKILL)
    assert wait_for(lambda: stack.pids()["challenge-service"] not in (0, before["challenge-service"]) and stack.all_healthy(), 5)


def test_restart_loads_a_changed_challenge_file(stack):
    config = stack.root / "config/challenges.json"
    text = config.read_text()
    before = stack.pids()
    assert '"Welcome"' in text
    config.write_text(text.replace('"Welcome"', '"Come in"'))
    try:
        stack.run("restart")
        answer = subprocess.run(["bash", "-c", 'eval "$1"; curl -fsS "$BASE_URL/v1/challenges"', "-", stack.run("env")],
                                capture_output=True, text=True, timeout=20)
        assert "Come in" in answer.stdout
        after = stack.pids()
        assert after["challenge-service"] != before["challenge-service"]
        assert after["challenge-event-handler"] != before["challenge-event-handler"]
        assert after["challenge-postgres"] == before["challenge-postgres"]
    finally:
        config.write_text(text)
        stack.run("restart")


def test_the_guides_copy_of_the_challenges_wins_over_config(stack):
    folder = stack.root / "extend-challenge-service/config"
    folder.mkdir(parents=True)
    shutil.copy(stack.root / "config/challenges.json", folder)
    try:
        stack.run("restart")
        said = stack.run("status")
        assert str(folder / "challenges.json") in said
    finally:
        shutil.rmtree(folder.parent)
        stack.run("restart")


def test_a_broken_challenge_file_is_named_and_the_stack_stays_up(stack):
    config = stack.root / "config/challenges.json"
    text = config.read_text()
    before = stack.pids()
    config.write_text('{"challenges":[')
    try:
        done = stack.call("restart")
        assert done.returncode == BAD_INPUT
        assert str(config) in done.stderr
        assert stack.pids() == before and stack.all_healthy()
    finally:
        config.write_text(text)


def test_reset_gives_every_player_its_goals(stack):
    stack.run("fixtures", "--users", "500")
    stack.run("reset", "--completed", "0.2")
    assert stack.sql("SELECT count(*), count(DISTINCT user_id), bool_and(is_active) FROM user_goal_progress") == "5000|500|t"
    completed = int(stack.sql("SELECT count(*) FROM user_goal_progress WHERE status = 'completed' AND claimed_at IS NULL AND completed_at IS NOT NULL"))
    assert 850 < completed < 1150
    stack.run("reset", "--active", "20", "--completed", "0")
    assert stack.sql("SELECT count(*), count(*) FILTER (WHERE status = 'completed') FROM user_goal_progress") == "10000|0"
    stack.run("reset", "--no-seed")
    assert stack.sql("SELECT count(*) FROM user_goal_progress") == "0"


def test_reset_without_fixtures_empties_nothing(stack):
    stack.run("fixtures", "--users", "10")
    stack.run("reset")
    (stack.root / "test/fixtures/users.json").write_text("[]")
    done = stack.call("reset")
    assert done.returncode == BAD_INPUT and "users.json" in done.stderr
    assert stack.sql("SELECT count(*) FROM user_goal_progress") == "100"


def test_logs_follow_what_is_appended(stack):
    follower = subprocess.Popen(stack.command("logs", "-f", "-n", "0", "challenge-service"), stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.3)
        with open(stack.state / "logs/challenge-service.log", "a") as log:
            log.write("a line of this test\n")
        assert follower.stdout.readline() == "a line of this test\n"
    finally:
        follower.kill()
        follower.wait()


def test_two_stacks_run_side_by_side(stack, project):
    project.up("challenge-postgres", "challenge-redis")
    ports = lambda s: {port for part in s.parts().values() for _, port in part["ports"]}
    assert not ports(stack) & ports(project)
    project.run("down")
    assert wait_for(stack.all_healthy)


def test_down_leaves_no_process_and_up_finds_the_data_again(project):
    project.up("challenge-postgres", "challenge-redis")
    project.sql("CREATE TABLE kept AS SELECT 1 AS n")
    pids = [*project.pids().values(), project.status()["supervisor"]]
    project.run("down")
    assert not any(is_alive(pid) for pid in pids)
    assert project.call("ps").returncode == NOT_UP
    project.up("challenge-postgres")
    assert project.sql("SELECT n FROM kept") == "1"


def test_down_ends_what_a_killed_supervisor_left(project):
    project.up("challenge-postgres", "challenge-redis")
    pids = project.pids()
    os.kill(project.status()["supervisor"], signal.SIGKILL)
    project.run("down")
    assert not any(is_alive(pid) for pid in pids.values())


def test_a_changed_setting_restarts_what_reads_it(project):
    project.up("challenge-postgres", "challenge-redis")
    before = project.pids()
    (project.root / ".env").write_text((project.root / ".env").read_text() + "\nPOSTGRES_MAX_CONNECTIONS=50\n")
    project.up("challenge-postgres", "challenge-redis")
    after = project.pids()
    assert after["challenge-postgres"] != before["challenge-postgres"]
    assert after["challenge-redis"] == before["challenge-redis"]
    assert project.sql("SHOW max_connections") == "50"


def test_an_interrupted_initdb_is_thrown_away(project):
    half = project.state / "postgres/data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    project.up("challenge-postgres")
    assert project.sql("SELECT 1") == "1"
    assert not half.exists()


def test_a_pid_file_of_a_process_long_gone_does_not_stop_postgresql(project):
    project.up("challenge-postgres")
    project.run("down")
    # The pid of somebody else, as after a reboot.
    (project.state / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n{project.state}/postgres/data\n1\n5433\n")
    project.up("challenge-postgres")
    assert project.sql("SELECT 1") == "1"


def test_a_taken_port_is_told_with_its_holder(project):
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # somebody else has it already: as good
            held.enter_context(listener(6379))
        done = project.call("up", "challenge-redis")
        assert done.returncode == PORT_TAKEN
        assert "port 6379" in done.stderr and "pid " in done.stderr and "--auto-ports" in done.stderr
        assert project.status()["supervisor"] == 0
        said = project.up("challenge-redis")
        assert "6379 is taken" in said
        assert project.conditions() == {"challenge-redis": "Up (healthy)"}


@pytest.mark.parametrize("line, named", [
    ("DB_HOST=db.example.com", "DB_HOST=db.example.com"),
    ("REWARD_CLIENT_MODE=sometimes", "REWARD_CLIENT_MODE"),
    ("AB_NAMESPACE=", "AB_NAMESPACE"),
    ("this is not a setting", ".env"),
])
def test_a_bad_env_file_is_named_and_nothing_is_started(project, line, named):
    (project.root / ".env").write_text((project.root / ".env.example").read_text() + line + "\n")
    done = project.call("up", "--auto-ports")
    assert done.returncode == BAD_INPUT
    assert named in done.stderr
    assert project.status()["supervisor"] == 0


def test_a_missing_env_file_is_made_from_the_example(project):
    said = project.up("challenge-redis")
    assert "made .env" in said
    assert (project.root / ".env").read_text() == (project.root / ".env.example").read_text()


def test_a_missing_program_names_the_make_target(project, tmp_path):
    alone = tmp_path / "gauntlet"
    shutil.copy(BIN / "gauntlet", alone)
    done = subprocess.run([alone, "--project", project.root, "--state-dir", project.state, "up", "--auto-ports"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == MISSING_PART
    assert "challenge-service" in done.stderr and "make build" in done.stderr


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log_and_nothing_stays(project):
    done = project.call("up", "--auto-ports", "--env", "POSTGRES_SHARED_BUFFERS=plenty", "challenge-postgres")
    assert done.returncode == NOT_HEALTHY
    assert "shared_buffers" in done.stderr
    assert project.status()["supervisor"] == 0
    assert all(pid == 0 for pid in project.pids().values())


def test_outside_a_project_the_message_says_what_is_looked_for():
    done = subprocess.run([BIN / "gauntlet", "ps"], cwd="/", capture_output=True, text=True, timeout=20)
    assert done.returncode == BAD_INPUT and ".env.example" in done.stderr


def test_an_unknown_command_is_named():
    done = subprocess.run([BIN / "gauntlet", "frobnicate"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "frobnicate" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")
def test_a_project_that_the_servers_cannot_enter_keeps_its_stack_elsewhere():
    closed = Project()
    closed.root.chmod(0o700)
    done = subprocess.run([BIN / "gauntlet", "--project", closed.root, "up", "--auto-ports", *NAMES], capture_output=True, text=True, timeout=170)
    try:
        assert done.returncode == 0, done.stderr
        said = subprocess.run([BIN / "gauntlet", "--project", closed.root, "status"], capture_output=True, text=True, timeout=20).stdout
        assert "/var/lib/gauntlet/" in said
    finally:
        subprocess.run([BIN / "gauntlet", "--project", closed.root, "down", "--wipe"], capture_output=True, timeout=170)
        shutil.rmtree(closed.root)
