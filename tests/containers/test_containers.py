"""The stack in containers, run for real: what docker-compose.yml and the Dockerfile give, and the guide's docker commands as printed.

    make test-containers        root, some ten minutes of two cores; everything that it makes goes again

What it measured stands in build/test-reports/containers.txt.
"""
import json
import re
import time
import urllib.request

import pytest

from docker_daemon import ROOT

NAMES = {"challenge-postgres", "challenge-redis", "challenge-service", "challenge-event-handler"}
SERVICES = ("challenge-service", "challenge-event-handler")
GAUNTLET = ROOT / "build/release/bin/gauntlet"


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:8000/challenge{path}", timeout=10) as answer:
        return answer.read().decode()


def test_the_four_names_are_up_and_healthy(stack):
    rows = dict(line.split("\t") for line in stack.output("docker ps --format '{{.Names}}\t{{.Status}}'").splitlines())
    assert set(rows) == NAMES
    assert all(status.startswith("Up") and status.endswith("(healthy)") for status in rows.values()), rows
    assert json.loads(get("/healthz"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_nobody_in_particular_and_writes_nowhere(stack, name):
    assert stack.output(f"docker exec {name} id -u").strip() == "999"
    assert "Read-only file system" in stack.output(f"docker exec {name} touch /app/x", check=False)
    assert stack.output("docker inspect --format '{{json .HostConfig.CapDrop}} {{.HostConfig.ReadonlyRootfs}}' " + name).split() == ['["ALL"]', "true"]
    assert re.search(r"CapEff:\s*0+\b", stack.output(f"docker exec {name} cat /proc/1/status"))


def test_logs_are_json_lines(stack):
    lines = stack.output("docker logs challenge-service").splitlines()
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)


# The guide's own commands, in its order, as printed there.

def test_the_extension_is_made_and_listed(stack):
    stack.run('docker exec -it challenge-postgres psql -U postgres -d challenge_db -c "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;"')
    assert "pg_stat_statements" in stack.output(r'docker exec -it challenge-postgres psql -U postgres -d challenge_db -c "\dx"')


def test_the_handlers_log_says_that_it_serves(stack):
    assert "serving" in stack.output("docker logs challenge-event-handler | tail -20")


def test_scripts_of_the_guide_run_against_the_stack(stack, project):
    k6 = f"DURATION=5s {ROOT}/build/release/bin/k6 run --quiet"
    assert "http_reqs" in stack.output(f"TARGET_RPS=50 {k6} test/k6/scenario1_api_load.js", cwd=project)
    assert "grpc_req_duration" in stack.output(f"TARGET_EPS=100 {k6} test/k6/scenario2_event_load.js", cwd=project)


def test_the_engines_image_runs_the_guides_scripts(stack, project):
    stack.run("docker build --quiet --tag gauntlet --target gauntlet --file deploy/docker/Dockerfile .", cwd=project)
    said = stack.output("docker run --rm --network gauntlet-test_default -e BASE_URL=http://challenge-service:8000/challenge -e DURATION=3s "
                        "-e TARGET_RPS=20 gauntlet run --quiet test/k6/scenario1_api_load.js")
    assert "http_reqs" in said


@pytest.mark.parametrize("command", [
    "docker stats --no-stream challenge-service challenge-event-handler challenge-postgres challenge-redis",
    "docker stats --no-stream challenge-service challenge-event-handler challenge-postgres",
])
def test_stats_are_shown(stack, command):
    said = stack.output(command)
    assert "MEM USAGE" in said and "challenge-postgres" in said


@pytest.mark.parametrize("command,said", [
    ('docker exec challenge-postgres psql -U postgres -d challenge_db -c "SELECT state, COUNT(*) FROM pg_stat_activity GROUP BY state"', "active"),
    ('docker exec challenge-postgres psql -U postgres -d challenge_db -c "SELECT COUNT(*) FROM pg_stat_activity"', "count"),
    ("docker exec challenge-event-handler netstat -tuln | grep 6565", "LISTEN"),
    ("docker logs challenge-event-handler | tail -50", "message"),
    ("docker exec -it challenge-postgres psql -U postgres -d challenge_db -f /host/test/scripts/analyze_db_performance.sql", "rows"),
    ('docker exec challenge-postgres psql -U postgres -d challenge_db -c "SELECT pg_stat_statements_reset();"', "pg_stat_statements_reset"),
    ('docker exec challenge-postgres psql -U postgres -d challenge_db -c "TRUNCATE TABLE user_goal_progress;"', "TRUNCATE"),
])
def test_the_guides_commands_answer(stack, command, said):
    assert said in stack.output(command)


def test_buffer_flushes_are_found_in_the_log(stack, tmp_path):
    stack.run(f'docker logs challenge-event-handler 2>&1 | grep "buffer flush" > {tmp_path}/flush_timing.log')
    assert (tmp_path / "flush_timing.log").stat().st_size > 0


# The native stack's words, on this one.

def test_the_native_stacks_words_work_on_containers(stack, project):
    stack.run("cp test/fixtures/challenges.json extend-challenge-service/config/ && cp test/fixtures/challenges.json extend-challenge-event-handler/config/", cwd=project)
    stack.environment["STACK"] = "docker"
    try:
        assert "challenge-event-handler Up (healthy)" in stack.output("make dev-up", cwd=project)
        stack.run("make dev-restart", cwd=project)
        said = stack.output("make dev-ps", cwd=project)
        assert said.count("Up (healthy)") == 4, said
        assert "serving" in stack.output(f"{GAUNTLET} logs --tail 50 challenge-service", cwd=project)
        assert "CPU" in stack.output(f"{GAUNTLET} ps --stats", cwd=project)
        assert "seeded" in stack.output(f"{GAUNTLET} reset", cwd=project)
        assert stack.output(f"{GAUNTLET} exec-sql -A 'SELECT count(*) > 0 FROM user_goal_progress'", cwd=project).strip() == "t"
        examined = stack.output(f"{GAUNTLET} doctor", check=False, cwd=project)
        for subject in ("services", "fixtures", "configuration", "connections", "goals", "flushes"):
            assert re.search(rf"^ok +{subject} ", examined, re.M), examined
        stack.run(f"{GAUNTLET} watch --quiet --duration 2 --out {project}/watched", cwd=project)
        assert (project / "watched/monitor.sqlite").stat().st_size > 0
        stack.run(f"{GAUNTLET} profile --seconds 1 --out {project}/profiles --level here", cwd=project)
        assert list((project / "profiles").rglob("*"))
        stack.run(f"{GAUNTLET} campaign --quick --scenario 1 --seconds 3 --max-rps 50", cwd=project)
        assert (project / "test/results/targets/docker/campaign.json").exists()
        refused = stack.run(f"{GAUNTLET} status", check=False, cwd=project)
        assert refused.returncode != 0 and "native stack alone" in refused.stdout
    finally:
        del stack.environment["STACK"]


def test_down_and_up_keep_the_database(stack, project):
    rows = 'docker exec challenge-postgres psql -U postgres -d challenge_db -At -c "SELECT count(*) FROM user_goal_progress"'
    before = stack.output(rows)
    stack.run(f"{GAUNTLET} down --docker", cwd=project)
    assert "Down" in stack.output(f"{GAUNTLET} ps --docker", check=False, cwd=project)
    stack.run(f"{GAUNTLET} up --docker", cwd=project)
    assert stack.output(rows) == before


def test_what_was_acknowledged_outlives_a_restart(stack, project):
    stack.run('curl -fsS -X POST -H "x-mock-user-id: container-user" http://localhost:8000/challenge/v1/challenges/initialize')
    count = 'docker exec challenge-postgres psql -U postgres -d challenge_db -At -c "SELECT count(*) FROM user_goal_progress WHERE user_id = \'container-user\'"'
    before = int(stack.output(count))
    assert before > 0
    stack.run("docker-compose restart challenge-service challenge-event-handler", cwd=project)
    for _ in range(60):
        if "healthy" in stack.output("docker inspect --format '{{.State.Health.Status}}' challenge-service") and int(stack.output(count)) == before:
            break
        time.sleep(1)
    assert int(stack.output(count)) == before
    codes = stack.output("docker inspect --format '{{.State.ExitCode}} {{.RestartCount}}' challenge-service challenge-event-handler").split("\n")
    assert codes[0] == codes[1] == "0 0"


def test_figures_are_written_down(stack):
    report = ROOT / "build/test-reports/containers.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    started = {}
    for name in SERVICES:
        stack.run(f"docker restart {name}")
        begun = time.monotonic()
        while stack.run(f"docker exec {name} curl -fsS http://127.0.0.1:8080/readyz", check=False).returncode != 0 and time.monotonic() - begun < 60:
            time.sleep(0.05)
        started[name] = time.monotonic() - begun
    said = (stack.output("docker images --format 'table {{.Repository}}\t{{.Tag}}\t{{.Size}}'") + "\n"
            + "".join(f"{name}: ready {seconds:.2f} s after docker restart\n" for name, seconds in started.items())
            + "\n" + stack.output("docker stats --no-stream"))
    report.write_text(said)
    print(said)
