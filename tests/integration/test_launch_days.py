"""The scripts of launch days on a stack with the repository's own challenges: what they saw is what the table holds."""
import json
import shutil

import pytest

from test_end_to_end import ROOT, Stack


@pytest.fixture(scope="module")
def stack():
    stack = Stack()
    shutil.copy(ROOT / "config" / "challenges.json", stack.project / "config/challenges.json")
    stack.gauntlet("restart")
    yield stack
    stack.gauntlet("down")
    shutil.rmtree(stack.project, ignore_errors=True)


def ran(stack, script, **variables):
    """Its metrics' values. All checks hold; thresholds on times say how quick this machine is, and are left out."""
    result = stack.project / "test/results/launch.json"
    code, output = stack.run(script, "--no-thresholds", "--require-all-ok", "--out", f"json={result}", **variables)
    assert code == 0 and "level=error" not in output, output
    return {name: metric["values"] for name, metric in json.loads(result.read_text())["metrics"].items()}


def test_every_login_of_a_storm_counts_once(stack):
    metrics = ran(stack, "login_storm.js", PEAK="20", RAMP_S="1", HOLD_S="3", PLAYERS="5")
    counted = stack.sql("SELECT sum(progress), count(*) FROM user_goal_progress WHERE user_id LIKE 'storm-%' AND goal_id = 'welcome-first-login'")
    assert counted == f"{metrics['iterations']['count']}|5" and metrics["iterations"]["count"] > 5


def test_a_claim_rush_gives_each_player_one_reward(stack):
    metrics = ran(stack, "claim_rush.js", RATE="20", SECONDS="3")
    claimed = stack.sql("SELECT count(*) FROM user_goal_progress WHERE user_id LIKE 'rush-%' AND goal_id = 'every-day-login' AND status = 'claimed'")
    assert int(claimed) == metrics["rewards"]["count"] == metrics["iterations"]["count"] > 5


def test_at_a_season_start_everybody_has_its_goals_and_matches_count(stack):
    metrics = ran(stack, "season_start.js", PEAK="10", RAMP_S="1", HOLD_S="3", MATCHES="20")
    rows, players, moved = stack.sql("SELECT count(*), count(DISTINCT user_id), count(*) FILTER (WHERE progress > 0) FROM user_goal_progress "
                                     "WHERE user_id LIKE 'season-%' AND challenge_id = 'winter-season' AND is_active").split("|")
    assert int(rows) == 2 * int(players) and int(players) > 5 and int(moved) > 0
    assert metrics["grpc_reqs"]["count"] > 5
