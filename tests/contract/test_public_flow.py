"""A player's way through the challenges, as a game goes it: events arrive at the real challenge-event-handler, goals are looked at
and claimed at the real challenge-service, on one database. Each of the three generations of challenges.json that are in the field
tells the same challenges."""
import contextlib
import json
import threading
import time

import pytest

from event_handler import running_handler
from mock_platform import real_rewards, running_platform
from service_under_test import running_service

FIRST, SECOND, NEWEST = "snake_case with type", "camelCase with type", "camelCase with progressMode"
CHALLENGE = "first-steps"
BUFFER = 'challenge_buffer_size{buffer_type="progress"}'

# goal id -> how it counts, its event source, stat code, target, reward, prerequisites, whether initialize assigns it
GOALS = {
    "login-today": ("daily", "login", "login_count", 1, ("WALLET", "GOLD", 10), [], True),
    "matches-ten": ("absolute", "statistic", "matches", 10, ("WALLET", "GEMS", 50), [], True),
    "wins-three": ("counting", "statistic", "wins", 3, ("WALLET", "GEMS", 30), [], True),
    "graduate": ("absolute", "statistic", "matches", 12, ("ITEM", "SWORD", 1), ["matches-ten", "wins-three"], True),
    "spare": ("absolute", "statistic", "matches", 1, ("ITEM", "HAT", 1), [], False),
}


def goal_of(generation, name):
    counts, source, stat, target, (kind, reward, quantity), prerequisites, assigned = GOALS[name]
    snake = generation == FIRST
    goal = {"id" if snake else "goalId": name, "name": name, "description": f"The goal {name}",
            "event_source" if snake else "eventSource": source, "default_assigned" if snake else "defaultAssigned": assigned,
            "requirement": {"stat_code" if snake else "statCode": stat, "operator": ">=", "target_value" if snake else "targetValue": target},
            "reward": {"type": kind, "reward_id" if snake else "rewardId": reward, "quantity": quantity}, "prerequisites": prerequisites}
    if generation != NEWEST:
        return {**goal, "type": {"counting": "increment"}.get(counts, counts)}
    goal["requirement"]["progressMode"] = "absolute" if counts == "absolute" else "relative"
    if counts == "daily":
        goal["rotation"] = {"enabled": True, "type": "global", "schedule": "daily", "onExpiry": {"resetProgress": True, "allowReselection": True}}
    return goal


def config_of(generation):
    return {"challenges": [{"id" if generation == FIRST else "challengeId": CHALLENGE, "name": "First steps", "description": "For every player",
                            "goals": [goal_of(generation, name) for name in GOALS]}]}


class Game:
    """What a game does, in its words."""

    def __init__(self, service, handler):
        self.service = service
        self.handler = handler

    def begins(self, player):
        answer = self.service.request("POST", "/v1/challenges/initialize", {}, player)
        assert answer.status == 200, answer.text
        return answer.json

    def claims(self, player, goal):
        return self.service.request("POST", f"/v1/challenges/{CHALLENGE}/goals/{goal}/claim", None, player)

    def sees(self, player, goal):
        challenge = self.service.request("GET", f"/v1/challenges/{CHALLENGE}", user=player).json
        return {shown["goalId"]: shown for shown in challenge["goals"]}[goal]

    def progress(self, player, goal):
        shown = self.sees(player, goal)
        return shown["status"], shown["progress"]

    def a_day_passes(self, player):
        """All that this player did was a day earlier."""
        self.service.sql(f"""UPDATE user_goal_progress SET updated_at = updated_at - interval '1 day', completed_at = completed_at - interval '1 day',
                             claimed_at = claimed_at - interval '1 day', assigned_at = assigned_at - interval '1 day' WHERE user_id = '{player}'""")

    def wins(self, player, times, of=0):
        """The statistic stands at `of` before."""
        for won in range(of + 1, of + times + 1):
            self.handler.statistic(player, "wins", won)


@pytest.fixture(scope="module", params=[FIRST, SECOND, NEWEST])
def game(request, database, tmp_path_factory):
    config = tmp_path_factory.mktemp("config") / "challenges.json"
    config.write_text(json.dumps(config_of(request.param)))
    with running_service(database, config) as service, running_handler(service, config) as handler:
        yield Game(service, handler)


@pytest.fixture
def beginner(game, player):
    game.begins(player)
    return player


def refused(answer, status, code, words):
    assert (answer.status, answer.json["code"]) == (status, code) and words in answer.json["message"], answer.text


# ---- daily goals ----

def test_daily_goal_is_rewarded_once_a_day_and_comes_again_the_next(game, beginner):
    for _ in range(2):
        refused(game.claims(beginner, "login-today"), 400, 9, "Goal not completed")
        game.handler.login(beginner)
        assert game.progress(beginner, "login-today") == ("completed", 1)
        assert game.claims(beginner, "login-today").status == 200
        game.handler.login(beginner)
        refused(game.claims(beginner, "login-today"), 409, 6, "Reward has already been claimed")
        assert game.progress(beginner, "login-today")[0] == "claimed", "a second login of the day changes nothing"
        game.a_day_passes(beginner)
        assert game.progress(beginner, "login-today") == ("not_started", 0)
        game.begins(beginner)
        assert game.service.row(beginner, "login-today") == ["0", "not_started", "t", "f"], "initialize stores what the list shows"


def test_yesterdays_completion_of_a_daily_goal_is_not_rewarded_today(game, beginner):
    game.handler.login(beginner)
    game.a_day_passes(beginner)
    refused(game.claims(beginner, "login-today"), 400, 9, "Goal has rotated and must be re-completed (goal_id: login-today, challenge_id: first-steps)")
    assert game.progress(beginner, "login-today") == ("not_started", 0)
    game.handler.login(beginner)
    assert game.claims(beginner, "login-today").status == 200


def test_claimed_daily_goal_completes_again_the_next_day_without_initialize(game, beginner):
    game.handler.login(beginner)
    assert game.claims(beginner, "login-today").status == 200
    game.a_day_passes(beginner)
    game.handler.login(beginner)
    assert game.progress(beginner, "login-today") == ("completed", 1)
    assert game.claims(beginner, "login-today").status == 200


def test_daily_goal_can_be_drawn_again_the_next_day(game, beginner):
    game.handler.login(beginner)
    draw = f"/v1/challenges/{CHALLENGE}/goals/random-select"
    drawn = {goal["goalId"] for goal in game.service.request("POST", draw, {"count": 9}, beginner).json["selectedGoals"]}
    assert "login-today" not in drawn
    game.a_day_passes(beginner)
    drawn = {goal["goalId"]: goal for goal in game.service.request("POST", draw, {"count": 9}, beginner).json["selectedGoals"]}
    assert (drawn["login-today"]["status"], drawn["login-today"]["progress"]) == ("not_started", 0)


# ---- mixed goals ----

def test_goals_of_every_kind_move_side_by_side_and_open_the_one_behind_them(game, beginner):
    game.handler.login(beginner)
    game.handler.statistic(beginner, "matches", 12)
    game.wins(beginner, 2, of=40)
    assert {goal: game.progress(beginner, goal) for goal in GOALS} == {
        "login-today": ("completed", 1), "matches-ten": ("completed", 12), "wins-three": ("in_progress", 2), "graduate": ("completed", 12),
        "spare": ("not_started", 0)}
    assert game.sees(beginner, "graduate")["locked"]
    refused(game.claims(beginner, "graduate"), 400, 9, "Prerequisites not completed (goal_id: graduate)")
    game.wins(beginner, 1, of=42)
    assert not game.sees(beginner, "graduate")["locked"]
    for goal in ("wins-three", "graduate", "matches-ten", "login-today"):
        assert game.claims(beginner, goal).status == 200, goal
        assert game.progress(beginner, goal)[0] == "claimed"
    assert not game.sees(beginner, "graduate")["locked"], "claimed is met, too"


def test_completed_goal_stays_completed_when_its_value_falls(game, beginner):
    game.handler.statistic(beginner, "matches", 12)
    completed_at = game.sees(beginner, "matches-ten")["completedAt"]
    game.handler.statistic(beginner, "matches", 5)
    assert game.progress(beginner, "matches-ten") == ("completed", 5)
    assert game.sees(beginner, "matches-ten")["completedAt"] == completed_at
    assert game.claims(beginner, "matches-ten").status == 200


def test_value_that_falls_in_the_batch_that_completed_the_goal_leaves_it_completed(game, beginner):
    calls = [game.handler.statistic_call(beginner, "matches", value) for value in (3, 12, 5)]
    for call in calls:
        call.result()
    assert game.progress(beginner, "matches-ten") == ("completed", 5)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), -7])
def test_value_that_no_goal_can_have_is_answered_skipped_and_counted(game, beginner, value):
    before = game.handler.metric("challenge_event_values_skipped_total")
    game.handler.statistic(beginner, "matches", value)
    assert game.progress(beginner, "matches-ten") == ("not_started", 0)
    assert game.handler.metric("challenge_event_values_skipped_total") == before + 1
    assert "value skipped" in game.handler.log.read_text()


def test_increment_that_is_no_number_is_counted_and_completes_nothing(game, beginner):
    before = game.handler.metric("challenge_event_values_skipped_total")
    game.handler.statistic(beginner, "matches", 4, rose_by=float("inf"))
    game.handler.statistic(beginner, "wins", 900, rose_by=float("inf"))
    assert game.progress(beginner, "matches-ten") == ("in_progress", 4), "the value is one"
    assert game.progress(beginner, "wins-three")[0] == "in_progress"
    assert game.handler.metric("challenge_event_values_skipped_total") > before


def test_value_above_what_a_row_can_hold_saturates(game, beginner):
    game.handler.statistic(beginner, "matches", 1e300)
    assert game.progress(beginner, "matches-ten") == ("completed", 2147483647)
    assert game.claims(beginner, "matches-ten").status == 200


# ---- errors ----

def test_claim_before_completion_and_a_second_claim_are_refused(game, beginner):
    refused(game.claims(beginner, "matches-ten"), 400, 9, "Goal not completed. Please wait 1 second and try again. (goal_id: matches-ten, status: not_started)")
    game.handler.statistic(beginner, "matches", 9)
    refused(game.claims(beginner, "matches-ten"), 400, 9, "(goal_id: matches-ten, status: in_progress)")
    game.handler.statistic(beginner, "matches", 10)
    claimed = game.claims(beginner, "matches-ten").json
    assert claimed["reward"] == {"type": "WALLET", "rewardId": "GEMS", "quantity": 50}
    refused(game.claims(beginner, "matches-ten"), 409, 6, f"Reward has already been claimed (goal_id: matches-ten, claimed_at: {claimed['claimedAt']})")
    game.handler.statistic(beginner, "matches", 11)
    assert game.progress(beginner, "matches-ten") == ("claimed", 10), "events leave a claimed goal alone"


def test_goal_that_is_unknown_or_of_another_challenge_is_refused(game, beginner):
    refused(game.claims(beginner, "nope"), 404, 5, "Goal not found or removed from config (goal_id: nope, challenge_id: first-steps)")
    elsewhere = game.service.request("POST", "/v1/challenges/nowhere/goals/matches-ten/claim", None, beginner)
    refused(elsewhere, 404, 5, "Goal not found or removed from config (goal_id: matches-ten, challenge_id: nowhere)")


def test_inactive_goal_neither_moves_nor_is_rewarded(game, beginner):
    active = f"/v1/challenges/{CHALLENGE}/goals/matches-ten/active"
    game.handler.statistic(beginner, "matches", 10)
    assert game.service.request("PUT", active, {"is_active": False}, beginner).status == 200
    game.handler.statistic(beginner, "matches", 25)
    assert game.progress(beginner, "matches-ten") == ("completed", 10)
    refused(game.claims(beginner, "matches-ten"), 400, 9, "Goal must be active to claim reward. Activate it first via PUT")
    assert game.service.request("PUT", active, {"is_active": True}, beginner).status == 200
    assert game.claims(beginner, "matches-ten").status == 200
    refused(game.claims(beginner, "spare"), 400, 9, "Goal not completed")  # never assigned: no event moved it


def test_player_without_goals_gets_none_from_events(game, player):
    game.handler.login(player)
    game.handler.statistic(player, "matches", 10)
    assert game.service.sql(f"SELECT count(*) FROM user_goal_progress WHERE user_id = '{player}'") == [["0"]]
    begun = game.begins(player)
    assert begun["newAssignments"] == 4 and {goal["status"] for goal in begun["assignedGoals"]} == {"not_started"}


# ---- several players ----

def test_players_do_not_touch_each_others_progress(game, player):
    players = [f"{player}-{number}" for number in range(12)]
    for each in players:
        game.begins(each)
    calls = [game.handler.statistic_call(each, "matches", number) for number, each in enumerate(players)]
    calls += [game.handler.login_call(each) for each in players[::2]]
    for call in calls:
        call.result()
    for number, each in enumerate(players):
        assert game.progress(each, "matches-ten") == ("completed" if number >= 10 else "in_progress", number)
        assert game.progress(each, "login-today")[0] == ("completed" if number % 2 == 0 else "not_started")
    assert game.claims(players[10], "matches-ten").status == 200
    assert game.progress(players[11], "matches-ten") == ("completed", 11)


def test_of_many_claims_at_once_one_is_granted(game, beginner):
    game.handler.statistic(beginner, "matches", 10)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(game.claims(beginner, "matches-ten").status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7


# ---- buffering ----

def many_events(game, player, count):
    """As fast as one connection carries them; the platform's order is their order, once gRPC has the connection: calls that wait
    for it begin in any order."""
    game.handler.statistic(player, "matches", 1)
    calls = [game.handler.statistic_call(player, "matches", value) for value in range(1, count + 1)]
    calls += [game.handler.statistic_call(player, "wins", value) for value in range(1, count + 1)]
    for call in calls:
        call.result()


def falls_to_zero(game):
    give_up = time.monotonic() + 30
    while (waiting := game.handler.metric(BUFFER)) != 0:
        assert time.monotonic() < give_up, f"{waiting} events wait although all have been written"
        time.sleep(0.02)


def test_many_events_of_one_player_end_in_the_last_value_and_the_whole_count(game, beginner):
    many_events(game, beginner, 500)
    assert game.progress(beginner, "matches-ten") == ("completed", 500)
    assert game.progress(beginner, "wins-three") == ("completed", 500)
    falls_to_zero(game)


@contextlib.contextmanager
def table_locked(service):
    def lock():
        with contextlib.suppress(AssertionError):  # ended below
            service.sql("BEGIN; LOCK TABLE user_goal_progress; SELECT pg_sleep(60)")

    holder = "pid FROM pg_locks WHERE relation = 'user_goal_progress'::regclass AND mode = 'AccessExclusiveLock' AND granted"
    thread = threading.Thread(target=lock)
    thread.start()
    while not service.sql(f"SELECT {holder}"):
        assert thread.is_alive()
    try:
        yield
    finally:
        service.sql(f"SELECT pg_terminate_backend(pid) FROM (SELECT {holder}) AS holder")
        thread.join()


@pytest.fixture(scope="module")
def buffered_game(database, tmp_path_factory):
    """Events are answered on arrival and written ten times a second, or 50 at once."""
    config = tmp_path_factory.mktemp("config") / "challenges.json"
    config.write_text(json.dumps(config_of(SECOND)))
    with running_service(database, config) as service:
        with running_handler(service, config, BUFFER_FLUSH_INTERVAL="100ms", BUFFER_MAX_SIZE="50", FLUSH_WORKERS="1") as handler:
            yield Game(service, handler)


def test_buffered_events_are_all_written_in_their_order_and_the_buffer_empties(buffered_game, player):
    buffered_game.begins(player)
    many_events(buffered_game, player, 200)
    falls_to_zero(buffered_game)
    assert buffered_game.progress(player, "matches-ten") == ("completed", 200)
    assert buffered_game.progress(player, "wins-three") == ("completed", 200)
    assert buffered_game.handler.metric('challenge_buffer_flush_duration_seconds_count{buffer_type="progress",status="success"}') >= 2


def test_buffered_event_waits_in_the_buffer_until_it_is_written(buffered_game, player):
    buffered_game.begins(player)
    with table_locked(buffered_game.service):
        buffered_game.handler.login(player)
        assert buffered_game.handler.metric(BUFFER) == 1
    falls_to_zero(buffered_game)
    assert buffered_game.progress(player, "login-today") == ("completed", 1)


# ---- the reward platform fails ----

@pytest.fixture(scope="module")
def platform():
    with running_platform() as running:
        yield running


@pytest.fixture(scope="module")
def rewarding_game(database, platform, tmp_path_factory):
    """Rewards come from the platform."""
    config = tmp_path_factory.mktemp("config") / "challenges.json"
    config.write_text(json.dumps(config_of(SECOND)))
    with running_service(database, config, **real_rewards(platform)) as service, running_handler(service, config) as handler:
        yield Game(service, handler)


@pytest.fixture
def winner(rewarding_game, platform, player):
    platform.faults(next=[])
    rewarding_game.begins(player)
    rewarding_game.handler.statistic(player, "matches", 10)
    return player


def test_reward_is_granted_once_although_the_platform_failed_at_first(rewarding_game, platform, winner):
    platform.faults(next=["503", "502"])
    assert rewarding_game.claims(winner, "matches-ten").status == 200
    granted, = platform.grants(winner)
    assert (granted["type"], granted["rewardId"], granted["quantity"]) == ("WALLET", "GEMS", 50)
    assert rewarding_game.progress(winner, "matches-ten") == ("claimed", 10)


def test_reward_that_the_platform_refuses_can_be_claimed_when_it_has_recovered(rewarding_game, platform, winner):
    platform.faults(next=["400"])
    refused(rewarding_game.claims(winner, "matches-ten"), 500, 13, "Failed to grant reward via Platform Service")
    assert rewarding_game.progress(winner, "matches-ten") == ("completed", 10), "nothing is lost"
    rewarding_game.handler.statistic(winner, "matches", 4)
    assert rewarding_game.claims(winner, "matches-ten").status == 200
    assert len(platform.grants(winner)) == 1


def test_claim_while_the_platform_is_down_keeps_the_goal_completed(database, tmp_path):
    config = tmp_path / "challenges.json"
    config.write_text(json.dumps(config_of(SECOND)))
    with running_platform() as gone:
        pass
    with running_service(database, config, **real_rewards(gone)) as service, running_handler(service, config) as handler:
        game = Game(service, handler)
        game.begins("ann")
        handler.statistic("ann", "matches", 10)
        refused(game.claims("ann", "matches-ten"), 500, 13, "Failed to grant reward via Platform Service after 3 retries (goal_id: matches-ten)")
        assert game.progress("ann", "matches-ten") == ("completed", 10)
        assert game.claims("ann", "login-today").status == 400, "the service goes on"
