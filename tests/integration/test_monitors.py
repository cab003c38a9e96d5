"""What the monitors say of a real stack: gauntlet watch, ps --stats, and the guide's two database scripts."""
import csv
import os
import re
import signal
import sqlite3
import subprocess

import pytest

from lab_project import MAX_CONNECTIONS, stepped_clock
from test_stack import NAMES, ROOT, wait_for


@pytest.fixture(scope="module")
def recording(lab):
    """Three seconds of watching while the database works."""
    folder = lab.root / "watched"
    watch = subprocess.Popen(lab.command("watch", "--out", folder, "--interval", "0.5", "--duration", "4"), stdout=subprocess.PIPE, text=True)
    while watch.poll() is None:
        lab.sql("SELECT pg_sleep(0.3)")
        lab.sql("SELECT count(*) FROM user_goal_progress")
        lab.sql("UPDATE user_goal_progress SET progress = progress WHERE user_id = 'user-000001'")
    assert watch.returncode == 0
    database = sqlite3.connect(folder / "monitor.sqlite")
    database.row_factory = sqlite3.Row
    yield folder, database, watch.stdout.read()
    database.close()


def test_watch_sees_every_process_of_the_stack(recording):
    _, database, said = recording
    assert {row["name"] for row in database.execute("SELECT name FROM process")} == set(NAMES)
    for row in database.execute("SELECT * FROM process"):
        assert row["cpu_cores"] >= 0 and row["resident_bytes"] > 1_000_000 and row["threads"] >= 1
    assert "postgres" in said and "commits/s" in said


def test_watch_sees_what_sessions_wait_for(recording):
    _, database, _ = recording
    waits = {(row["type"], row["event"]): row["sessions"] for row in database.execute("SELECT type, event, max(sessions) AS sessions FROM pg_wait GROUP BY 1, 2")}
    assert 0 < waits[("Timeout", "PgSleep")] <= 1


def test_watch_sees_statements_tables_and_wal_as_rates(recording):
    _, database, _ = recording
    statements = [row["query"] for row in database.execute("SELECT query FROM pg_statements")]
    assert any("user_goal_progress" in query for query in statements)
    updated, hot = database.execute("SELECT max(updated_per_s), max(hot_updated_per_s) FROM pg_tables WHERE name = 'user_goal_progress'").fetchone()
    assert updated > 0 and hot <= updated
    assert database.execute("SELECT max(commits_per_s) FROM pg_database").fetchone()[0] > 0
    assert database.execute("SELECT max(records_per_s) FROM pg_wal").fetchone()[0] > 0
    assert database.execute("SELECT max(max_connections) FROM pg_activity").fetchone()[0] == MAX_CONNECTIONS


def test_watch_reads_redis_and_both_services_metrics(recording):
    _, database, _ = recording
    assert database.execute("SELECT max(connected_clients) FROM redis").fetchone()[0] >= 1
    servers = {row[0] for row in database.execute("SELECT DISTINCT server FROM metric WHERE name = 'process_cpu_seconds_total'")}
    assert servers == {"challenge-service", "challenge-event-handler"}


def test_csv_files_hold_the_same_rows_as_the_database(recording):
    folder, database, _ = recording
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert {"process", "host", "pg_activity", "pg_wait"} <= set(tables)
    for table in tables:
        with open(folder / f"{table}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == database.execute(f"SELECT count(*) FROM {table}").fetchone()[0], table
        assert list(rows[0]) == [column[0] for column in database.execute(f"SELECT * FROM {table}").description]


def test_watch_goes_on_when_a_server_restarts_and_ends_at_ctrl_c(lab):
    folder = lab.root / "restarted"
    watch = subprocess.Popen(lab.command("watch", "--quiet", "--out", folder, "--interval", "0.3"), stderr=subprocess.DEVNULL)
    pids = lambda: {row[0] for row in sqlite3.connect(folder / "monitor.sqlite").execute("SELECT pid FROM process WHERE name = 'challenge-service'")}
    assert wait_for(lambda: (folder / "process.csv").exists())
    lab.run("restart", "challenge-service")
    assert wait_for(lambda: lab.pids()["challenge-service"] in pids())
    watch.send_signal(signal.SIGINT)
    assert watch.wait(10) == 0


def test_watch_notes_a_step_of_the_clock_and_its_rates_do_not_follow_it(lab, tmp_path):
    folder = lab.root / "stepped"
    with stepped_clock(tmp_path) as (variables, step):
        watch = subprocess.Popen(["env", *variables.split(), *lab.command("watch", "--quiet", "--out", folder, "--interval", "0.3")], stderr=subprocess.DEVNULL)
        rows = lambda: sqlite3.connect(folder / "monitor.sqlite").execute("SELECT step_s FROM clock").fetchall()
        assert wait_for(lambda: (folder / "clock.csv").exists() and len(rows()) >= 2)
        assert max(abs(row[0]) for row in rows()) < 0.02
        step(-30)
        assert wait_for(lambda: min(row[0] for row in rows()) < -29.9)
        assert wait_for(lambda: len(rows()) >= 6)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 0
    recorded = sqlite3.connect(folder / "monitor.sqlite")
    assert [row[0] for row in recorded.execute("SELECT step_s FROM clock WHERE abs(step_s) > 1")] == [pytest.approx(-30, abs=0.02)]
    cores = [row[0] for row in recorded.execute("SELECT cpu_user_cores + cpu_system_cores + cpu_softirq_cores + cpu_iowait_cores + cpu_steal_cores + cpu_idle_cores FROM host")]
    assert all(0.8 * os.cpu_count() < sum_of_all < 1.2 * os.cpu_count() for sum_of_all in cores), cores


def test_monitor_db_takes_no_flag_for_a_file(tmp_path):
    asked = subprocess.run([ROOT / "test/scripts/monitor_db.sh", "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 2 and "monitor_db.sh OUT" in asked.stderr and not list(tmp_path.iterdir())


def test_monitor_db_writes_exactly_the_guides_columns_until_ctrl_c(lab):
    out = lab.root / "test/results/monitored/db_monitor.log"
    monitor = subprocess.Popen([lab.root / "test/scripts/monitor_db.sh", out, "0.2"], env=lab.environment(), stderr=subprocess.DEVNULL)
    assert wait_for(lambda: out.exists() and len(out.read_text().splitlines()) >= 4)
    monitor.send_signal(signal.SIGINT)
    assert monitor.wait(10) == 0
    header, *lines = out.read_text().splitlines()
    assert header == "timestamp,active_connections,idle_connections,total_queries,slow_queries,avg_query_time_ms"
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ,\d+,\d+,\d+,\d+,\d+(\.\d+)?", line), line


def test_the_analysis_runs_under_plain_psql_and_has_every_part(lab):
    done = lab.shell('eval "$(gauntlet env)"; psql -X -f test/scripts/analyze_db_performance.sql')
    assert done.returncode == 0 and done.stderr == "", done.stderr
    parts = re.findall(r"^== (.*) ==$", done.stdout, re.M)
    for wanted in ("Slowest statements on user_goal_progress", "Connections by state", "Table statistics", "Index use", "Cache hit ratio", "Locks and waits",
                   "Sizes and bloat", "WAL and checkpoints"):
        assert any(part.startswith(wanted) for part in parts), wanted
    assert "mean_ms" in done.stdout


def test_ps_stats_has_docker_stats_columns(lab):
    header, *rows = lab.run("ps", "--stats").splitlines()
    assert re.split(r"\s{2,}", header) == ["NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "BLOCK I/O", "PIDS"]
    assert [row.split()[0] for row in rows] == NAMES
    for row in rows:
        assert re.search(r"\d+\.\d\d%\s+[\d.]+[KMG]iB / [\d.]+[MG]iB", row), row
