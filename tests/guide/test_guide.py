"""Every command block of the load-testing guide, as printed there, one test a block.

What differs from the guide is one table, REPLACED: `docker` forms become the documented equivalents (test/README.md),
ports are those of this test's own stack, half an hour becomes seconds, and commands that never end by themselves (watch,
logs -f, pprof's web page) are asked once. Blocks that install tools of other vendors are not run: NOT_RUN says why.
"""
import json
import re
import shutil

import pytest

THRESHOLDS_CROSSED = 99  # a level that this machine does not hold is a result, too
NOT_RUN = {
    "brew install ..., apt-get install k6, golang": "installs other vendors' tools; scripts/install-deps brings what is needed, and k6 is the engine here",
    "export AGS_CLIENT_ID=... generate_tokens.sh": "needs credentials of an AGS namespace; tests/contract has a platform of its own for it",
}
GO = shutil.which("go", path="/usr/local/go/bin:/usr/bin:/usr/local/bin")


def replaced(block, walk):
    ports = {p["name"]: dict(p["ports"]) for p in walk.status()["components"]}
    service = ports["challenge-service"]
    table = [
        (r"docker exec (?:-it )?challenge-postgres psql -U postgres -d challenge_db", "psql -X"),
        (r"-f /host/test/", "-f test/"),
        (r"docker exec challenge-event-handler netstat -tuln \| grep 6565", f"netstat -tuln | grep {ports['challenge-event-handler']['grpc']}"),
        (r"docker stats --no-stream [a-z -]+", "gauntlet ps --stats"),
        (r"docker logs -f ", "gauntlet logs "),
        (r"docker logs ", "gauntlet logs "),
        (r"watch -n \d+ '(.*)'$", lambda asked: asked[1]),
        (r"localhost:8000", f"localhost:{service['http']}"),
        (r"localhost:8080", f"localhost:{service['metrics']}"),
        (r"lsof -i :8000", f"lsof -i :{service['http']}"),
        (r"lsof -i :8080", f"lsof -i :{service['metrics']}"),
        (r"lsof -i :6566", f"lsof -i :{ports['challenge-event-handler']['grpc']}"),
        (r"go tool pprof -http=:\d+", "go tool pprof -top"),
        (r"^go tool pprof", f"{GO} tool pprof"),
        (r"seconds=30", "seconds=1"),
        (r"--duration=5m", "--duration=2s"),
    ]
    for pattern, replacement in table:
        block = re.sub(pattern, replacement, block)
    return block


def run(walk, block, codes=(0,), timeout=120):
    exports = 'eval "$(gauntlet env)"; export DURATION=2s EVENT_VUS=50 K6_WEB_DASHBOARD_PORT=0; set -o pipefail\n'
    done = walk.shell(exports + replaced(block, walk), timeout)
    assert done.returncode in codes, f"{block}\n{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


needs_go = pytest.mark.skipif(GO is None, reason="no Go toolchain on this machine: the guide's pprof commands need it")


def test_tools_answer_their_version(walk):
    assert "k6" in run(walk, "k6 version")
    assert "15" in run(walk, "psql --version")
    run(walk, "jq --version")


def test_the_configuration_is_checked_as_printed(walk):
    said = run(walk, 'cat .env | grep -E "REWARD_CLIENT_MODE|PLUGIN_GRPC_SERVER_AUTH_ENABLED|AB_NAMESPACE"')
    for line in ("REWARD_CLIENT_MODE=mock", "PLUGIN_GRPC_SERVER_AUTH_ENABLED=false", "AB_NAMESPACE=test"):
        assert line in said.splitlines()


def test_dev_up_and_dev_ps_show_the_four_names(walk):
    said = run(walk, "make dev-up AUTO_PORTS=1\nmake dev-ps")
    rows = dict(line.split(None, 1) for line in said.splitlines() if line.startswith("challenge-"))
    assert rows["challenge-postgres"].strip() == rows["challenge-redis"].strip() == "Up (healthy)"
    assert rows["challenge-service"].startswith("Up") and rows["challenge-event-handler"].startswith("Up")


def test_the_extension_is_enabled(walk):
    run(walk, 'docker exec -it challenge-postgres psql -U postgres -d challenge_db -c "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;"')
    assert "pg_stat_statements" in run(walk, r'docker exec -it challenge-postgres psql -U postgres -d challenge_db -c "\dx"')


def test_fixtures_are_generated_and_loaded(walk):
    run(walk, """
./test/scripts/generate_users.sh
./test/scripts/generate_challenges.sh
MOCK_MODE=true ./test/scripts/generate_tokens.sh
""")
    said = run(walk, "ls -lh test/fixtures/")
    for name in ("users.json", "tokens.json", "challenges.json"):
        assert name in said
    fixtures = walk.root / "test/fixtures"
    assert len(json.loads((fixtures / "users.json").read_text())) == 10_000
    assert len(json.loads((fixtures / "tokens.json").read_text())) == 10_000
    challenges = json.loads((fixtures / "challenges.json").read_text())["challenges"]
    assert len(challenges) == 10 and sum(len(c["goals"]) for c in challenges) == 500
    run(walk, """
cp test/fixtures/challenges.json extend-challenge-service/config/challenges.json
cp test/fixtures/challenges.json extend-challenge-event-handler/config/challenges.json
make dev-restart AUTO_PORTS=1
""")
    walk.run("reset")


def test_the_system_is_healthy(walk):
    assert run(walk, "curl -fsS http://localhost:8000/challenge/healthz").strip() == '{"status":"healthy"}'
    assert "serving" in run(walk, "docker logs challenge-event-handler | tail -20")


RUNS = {
    "quick start": ("""
K6_WEB_DASHBOARD=true TARGET_RPS=100 k6 run \\
  --out json=test/results/scenario1/test1.json \\
  test/k6/scenario1_api_load.js
""", "scenario1/test1.json"),
    "scenario 1": ("""
TARGET_RPS=500 k6 run \\
  --out json=test/results/scenario1/level_500rps.json \\
  test/k6/scenario1_api_load.js
""", "scenario1/level_500rps.json"),
    "scenario 2": ("""
TARGET_EPS=1000 k6 run \\
  --out json=test/results/scenario2/level_1000eps.json \\
  test/k6/scenario2_event_load.js
""", "scenario2/level_1000eps.json"),
    "scenario 3": ("""
TARGET_RPS=200 TARGET_EPS=1000 k6 run \\
  --out json=test/results/scenario3/level_200rps_1000eps.json \\
  test/k6/scenario3_combined.js
""", "scenario3/level_200rps_1000eps.json"),
    "scenario 4": ("""
TARGET_RPS=500 TARGET_EPS=2000 k6 run \\
  --out json=test/results/scenario4/results.json \\
  test/k6/scenario3_combined.js
""", "scenario4/results.json"),
    "scenario 5": ("""
TARGET_EPS=1000 k6 run \\
  --duration=5m \\
  --out json=test/results/scenario5/results.json \\
  test/k6/scenario2_event_load.js
""", "scenario5/results.json"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_scenario_runs_as_printed(walk, name):
    block, result = RUNS[name]
    file = walk.root / "test/results" / result
    run(walk, block, codes=(0, THRESHOLDS_CROSSED))
    assert json.loads(file.read_text())["metrics"]["iterations"]["values"]["count"] > 0


def test_all_scenarios_run_by_one_script(walk):
    said = run(walk, "./test/scripts/run_all_scenarios.sh --quick --seconds 2 --scenario 1 --max-rps 50")
    assert "scenario 1: holds" in said or "scenario 1: holds no level" in said


def test_flushes_are_found_in_the_log(walk):
    run(walk, 'docker logs challenge-event-handler 2>&1 | grep "buffer flush" > test/results/scenario5/flush_timing.log')
    assert "buffer flush" in (walk.root / "test/results/scenario5/flush_timing.log").read_text()


def test_the_database_is_monitored_and_analysed(walk):
    run(walk, "timeout -s INT 2 ./test/scripts/monitor_db.sh test/results/scenario4/db_monitor.log", codes=(0, 124))
    assert (walk.root / "test/results/scenario4/db_monitor.log").read_text().startswith("timestamp,active_connections,idle_connections,total_queries,slow_queries,avg_query_time_ms\n2")
    run(walk, """
docker exec -it challenge-postgres psql -U postgres -d challenge_db \\
  -f /host/test/scripts/analyze_db_performance.sql \\
  > test/results/scenario4/query_analysis.txt
""".replace("challenge_db \\\n  -f", "challenge_db -f"))
    assert "mean_exec_time" in run(walk, "cat test/results/scenario4/query_analysis.txt")


def test_resources_are_shown_in_dockers_columns(walk):
    said = run(walk, "watch -n 2 'docker stats --no-stream challenge-service challenge-event-handler challenge-postgres'")
    assert said.splitlines()[0].split()[:2] == ["NAME", "CPU"]
    assert re.search(r"^challenge-postgres\s+[\d.]+%\s+[\d.]+\wiB / [\d.]+\wiB", said, re.M), said


def test_the_database_is_asked_while_a_test_runs(walk):
    assert "active" in run(walk, "watch -n 5 'docker exec challenge-postgres psql -U postgres -d challenge_db -c \"SELECT state, COUNT(*) FROM pg_stat_activity GROUP BY state\"'")
    # As printed, the shell hands psql LIKE "%...%", in which PostgreSQL sees a column's name: the text in quotes of its own.
    said = run(walk, """watch -n 5 'docker exec challenge-postgres psql -U postgres -d challenge_db -c "SELECT query, calls, mean_exec_time FROM pg_stat_statements WHERE query LIKE \\"%user_goal_progress%\\" ORDER BY mean_exec_time DESC LIMIT 5"'"""
               .replace('\\"', "'"))
    assert "user_goal_progress" in said


def test_logs_are_searched(walk):
    run(walk, 'docker logs -f challenge-service | grep -E "ERROR|WARN|latency"', codes=(0, 1))
    run(walk, 'docker logs -f challenge-event-handler | grep -E "ERROR|WARN|buffer"')


def test_results_are_read_by_jq(walk):
    said = json.loads(run(walk, """
jq '.metrics | {
  http_req_duration_p95: .http_req_duration.values."p(95)",
  http_req_failed_rate: .http_req_failed.values.rate,
  http_reqs_rate: .http_reqs.values.rate
}' test/results/scenario1/test1.json
"""))
    assert said["http_req_duration_p95"] > 0 and said["http_req_failed_rate"] is not None and said["http_reqs_rate"] > 0
    assert float(run(walk, """jq '.metrics.http_req_duration.values."p(95)"' test/results/scenario1/test1.json""")) > 0


@needs_go
@pytest.mark.parametrize("block", ["go tool pprof -http=:8081 http://localhost:8080/debug/pprof/profile?seconds=30", "go tool pprof -http=:8082 http://localhost:8080/debug/pprof/heap",
                                   "go tool pprof -http=:8083 http://localhost:8080/debug/pprof/goroutine"])
def test_a_profile_is_read_from_the_running_service(walk, block):
    run(walk, block)


@needs_go
def test_saved_profiles_are_read(walk):
    walk.run("profile", "--out", walk.root / "test/results/scenario3", "--level", "500rps_2000eps", "--seconds", "1")
    for block in ("go tool pprof -top test/results/scenario3/cpu_500rps_2000eps.txt", "go tool pprof -http=:8080 test/results/scenario3/cpu_500rps_2000eps.txt",
                  "go tool pprof -top test/results/scenario3/heap_500rps_2000eps.txt"):
        assert "flat" in run(walk, block)


def test_ports_are_looked_up(walk):
    assert "LISTEN" in run(walk, "lsof -i :8000")
    assert "LISTEN" in run(walk, "lsof -i :8080")
    assert "LISTEN" in run(walk, "lsof -i :6566")
    assert "LISTEN" in run(walk, "docker exec challenge-event-handler netstat -tuln | grep 6565")


def test_connections_are_counted(walk):
    assert re.search(r"\d+", run(walk, 'docker exec challenge-postgres psql -U postgres -d challenge_db \\\n  -c "SELECT COUNT(*) FROM pg_stat_activity"'))


def test_progress_and_statistics_are_reset(walk):
    run(walk, """
docker exec challenge-postgres psql -U postgres -d challenge_db \\
  -c "TRUNCATE TABLE user_goal_progress;"
docker exec challenge-postgres psql -U postgres -d challenge_db \\
  -c "SELECT pg_stat_statements_reset();"
""")
    assert walk.sql("SELECT count(*) FROM user_goal_progress") == "0"
