"""REST, line by line of the contract's sections 1 and 4. Each case is a player of its own."""
import concurrent.futures
import datetime
import gzip
import json
import re

import pytest

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
GOAL_KEYS = ["goalId", "name", "description", "requirement", "reward", "prerequisites", "progress", "status", "locked",
             "completedAt", "claimedAt", "isActive", "expiresAt", "expiresInSeconds"]
ASSIGNED_KEYS = ["challengeId", "goalId", "name", "description", "isActive", "assignedAt", "expiresAt", "progress", "target",
                 "status", "requirement", "reward"]
SELECTED_KEYS = ["goalId", "name", "description", "requirement", "reward", "status", "progress", "target", "isActive",
                 "assignedAt", "expiresAt"]


def goals_of(answer):
    """goalId -> goal of a list answer."""
    return {goal["goalId"]: goal for challenge in answer.json["challenges"] for goal in challenge["goals"]}


def next_midnight():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")


def refused(answer, status, code, message):
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["code", "message", "details"]
    assert answer.json["code"] == code and answer.json["details"] == []
    assert message in answer.json["message"]


# ---- errors: one line a case. {m}ethod path body -> status, code, message ----

REFUSALS = [
    ("POST", "/v1/challenges/ladder/goals/nope/claim", None, 404, 5, "Goal not found or removed from config (goal_id: nope, challenge_id: ladder)"),
    ("POST", "/v1/challenges/rounds/goals/rung-1/claim", None, 404, 5, "Goal not found or removed from config (goal_id: rung-1, challenge_id: rounds)"),
    ("POST", "/v1/challenges/nope/goals/rung-1/claim", None, 404, 5, "Goal not found or removed from config (goal_id: rung-1, challenge_id: nope)"),
    ("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, 400, 9, "Goal not completed. Please wait 1 second and try again. (goal_id: rung-1, status: not_started)"),
    ("POST", "/v1/challenges/ladder/goals/rung-1/claim", "{", 400, 3, "not JSON"),
    ("POST", "/v1/challenges/ladder/goals/batch-select", {"goal_ids": []}, 400, 3, "goal_ids cannot be empty"),
    ("POST", "/v1/challenges/ladder/goals/batch-select", None, 400, 3, "goal_ids cannot be empty"),
    ("POST", "/v1/challenges/ladder/goals/batch-select", {"goal_ids": "rung-1"}, 400, 3, "goalIds"),
    ("POST", "/v1/challenges/nope/goals/batch-select", {"goal_ids": ["rung-1"]}, 404, 5, "challenge 'nope' not found"),
    ("POST", "/v1/challenges/ladder/goals/batch-select", {"goal_ids": ["rung-1", "nope"]}, 404, 5, "goal 'nope' not found"),
    ("POST", "/v1/challenges/ladder/goals/batch-select", {"goal_ids": ["old-logins"]}, 400, 3, "goal 'old-logins' does not belong to challenge 'ladder'"),
    ("POST", "/v1/challenges/ladder/goals/random-select", None, 400, 3, "count must be greater than 0"),
    ("POST", "/v1/challenges/ladder/goals/random-select", {"count": 0}, 400, 3, "count must be greater than 0"),
    ("POST", "/v1/challenges/ladder/goals/random-select", {"count": -1}, 400, 3, "count must be greater than 0"),
    ("POST", "/v1/challenges/ladder/goals/random-select", {"count": 1.5}, 400, 3, "count"),
    ("POST", "/v1/challenges/ladder/goals/random-select", {"count": 2147483648}, 400, 3, "count"),
    ("POST", "/v1/challenges/nope/goals/random-select", {"count": 1}, 404, 5, "challenge 'nope' not found"),
    ("PUT", "/v1/challenges/ladder/goals/nope/active", {"is_active": True}, 404, 5, "goal 'nope' not found in challenge 'ladder'"),
    ("PUT", "/v1/challenges/rounds/goals/rung-1/active", {"is_active": True}, 404, 5, "goal 'rung-1' not found in challenge 'rounds'"),
    ("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": "yes"}, 400, 3, "isActive"),
    ("PUT", "/v1/challenges/ladder/goals/rung-1/active", "[1]", 400, 3, "object"),
    ("PUT", "/v1/challenges/ladder/goals/rung-1/active", "{\"is_active\":", 400, 3, "not JSON"),
    ("GET", "/v1/challenges/nope", None, 404, 5, "challenge not found: nope"),
    ("GET", "/v1/challenges/nope/rotation", None, 404, 5, "challenge not found: nope"),
    ("GET", "/v1/challenges?active_only=maybe", None, 400, 3, "active_only"),
    ("GET", "/v1/nope", None, 404, 5, "Not Found"),
    ("GET", "/", None, 404, 5, "Not Found"),
    ("GET", "/v1/challenges/ladder/goals", None, 404, 5, "Not Found"),
    ("GET", "/../healthz", None, 404, 5, "Not Found"),
    ("POST", "/v1/challenges", {}, 405, 12, "Method Not Allowed"),
    ("GET", "/v1/challenges/initialize", None, 405, 12, "Method Not Allowed"),
    ("GET", "/v1/challenges/ladder/goals/rung-1/claim", None, 405, 12, "Method Not Allowed"),
    ("GET", "/v1/challenges/ladder/goals/rung-1/active", None, 405, 12, "Method Not Allowed"),
    ("DELETE", "/v1/challenges/ladder", None, 405, 12, "Method Not Allowed"),
    ("POST", "/healthz", None, 405, 12, "Method Not Allowed"),
]


@pytest.mark.parametrize("method,path,body,status,code,message", REFUSALS, ids=[f"{r[0]} {r[1]} {r[2]}" for r in REFUSALS])
def test_refusal_has_status_code_and_words(service, player, method, path, body, status, code, message):
    refused(service.request(method, path, body, player), status, code, message)


@pytest.mark.parametrize("name", ["\xff\xfe", "x" * 101], ids=["not UTF-8", "101 characters"])
def test_player_id_that_no_table_can_hold_is_refused(service, name):
    refused(service.request("GET", "/v1/challenges", user=name), 400, 3, "x-mock-user-id")


# ---- health ----

def test_health_is_exactly_this(service):
    answer = service.request("GET", "/healthz")
    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, '{"status":"healthy"}', "application/json")


def test_health_answers_head_without_a_body(service):
    answer = service.request("HEAD", "/healthz")
    assert (answer.status, answer.text, answer.headers["content-length"]) == (200, "", "20")


# ---- list ----

def test_list_has_every_challenge_and_goal_with_every_key_once(service, player):
    answer = service.request("GET", "/v1/challenges", user=player)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert [c["challengeId"] for c in answer.json["challenges"]] == ["ladder", "rounds", "old"]
    for challenge in answer.json["challenges"]:
        assert list(challenge) == ["challengeId", "name", "description", "goals"]
        for goal in challenge["goals"]:
            assert list(goal) == GOAL_KEYS
            assert list(goal["requirement"]) == ["statCode", "operator", "targetValue"]
            assert list(goal["reward"]) == ["type", "rewardId", "quantity"]


def test_goal_without_a_row_is_not_started_and_inactive(service, player):
    goal = goals_of(service.request("GET", "/v1/challenges", user=player))["rung-3"]
    assert goal == {"goalId": "rung-3", "name": "Third \"rung\" é", "description": "Climb three \\ ✓",
                    "requirement": {"statCode": "climbs", "operator": ">=", "targetValue": 3},
                    "reward": {"type": "ITEM", "rewardId": "LADDER", "quantity": 1}, "prerequisites": ["rung-1", "rung-2"],
                    "progress": 0, "status": "not_started", "locked": True, "completedAt": "", "claimedAt": "",
                    "isActive": False, "expiresAt": "", "expiresInSeconds": 0}


def test_list_without_a_player_is_the_default_players(service):
    named = service.request("GET", "/v1/challenges?active_only=true", user="test-user-id")
    assert service.request("GET", "/v1/challenges?active_only=true").text == named.text
    assert service.request("GET", "/v1/challenges?active_only=true", user="").text == named.text


@pytest.mark.parametrize("header", ["x-mock-user-id", "X-Mock-User-Id", "X-MOCK-USER-ID"])
def test_player_header_counts_in_any_case(service, player, header):
    service.request("POST", "/v1/challenges/initialize", user=player)
    answer = service.request("GET", "/v1/challenges?active_only=true", headers={header: player})
    assert len(goals_of(answer)) == 3


@pytest.mark.parametrize("query", ["active_only=true", "activeOnly=true", "active_only=1", "x=y&active_only=true"])
def test_active_only_keeps_active_goals_and_their_challenges(service, player, query):
    service.request("PUT", "/v1/challenges/rounds/goals/round-keep/active", {"is_active": True}, player)
    service.request("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": False}, player)
    answer = service.request("GET", f"/v1/challenges?{query}", user=player)
    assert [c["challengeId"] for c in answer.json["challenges"]] == ["rounds"]
    assert list(goals_of(answer)) == ["round-keep"]


@pytest.mark.parametrize("query", ["", "?active_only=false", "?active_only=0", "?unknown=1"])
def test_list_is_whole_without_active_only(service, player, query):
    assert len(goals_of(service.request("GET", f"/v1/challenges{query}", user=player))) == 7


def test_active_only_of_a_player_without_rows_is_an_empty_list(service, player):
    assert service.request("GET", "/v1/challenges?active_only=true", user=player).text == '{"challenges":[]}'


def test_list_shows_the_players_progress(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    own_rows.put_row(player, "rung-2", "ladder", "in_progress", 1, active=False)
    goals = goals_of(own_rows.request("GET", "/v1/challenges", user=player))
    assert (goals["rung-1"]["status"], goals["rung-1"]["progress"], goals["rung-1"]["isActive"]) == ("completed", 1, True)
    assert TIME.match(goals["rung-1"]["completedAt"]) and goals["rung-1"]["claimedAt"] == ""
    assert (goals["rung-2"]["status"], goals["rung-2"]["progress"], goals["rung-2"]["isActive"]) == ("in_progress", 1, False)


@pytest.mark.parametrize("status,locked", [("not_started", True), ("in_progress", True), ("completed", False), ("claimed", False)])
def test_goal_is_locked_until_its_prerequisite_is_completed_or_claimed(own_rows, player, status, locked):
    own_rows.put_row(player, "rung-1", "ladder", status, 1)
    goals = goals_of(own_rows.request("GET", "/v1/challenges", user=player))
    assert goals["rung-2"]["locked"] is locked
    assert goals["rung-3"]["locked"] is True, "it needs rung-2 as well"


def test_rows_of_goals_that_left_the_config_are_skipped(own_rows, player):
    own_rows.put_row(player, "gone", "ladder", "completed", 5)
    assert len(goals_of(own_rows.request("GET", "/v1/challenges", user=player))) == 7
    assert own_rows.request("POST", "/v1/challenges/initialize", user=player).json == {"assignedGoals": [], "newAssignments": 0, "totalActive": 0}


# ---- one challenge ----

def test_one_challenge_is_the_lists_entry(service, player):
    service.request("POST", "/v1/challenges/initialize", user=player)
    listed = service.request("GET", "/v1/challenges", user=player).json["challenges"]
    for challenge in listed:
        one = service.request("GET", f"/v1/challenges/{challenge['challengeId']}", user=player).json
        for goal in one["goals"] + challenge["goals"]:
            goal["expiresInSeconds"] = 0  # it counts down between the two answers
        assert one == challenge


# ---- initialize ----

@pytest.mark.parametrize("body", ["{}", None, "", '{"anything":1}'])
def test_first_initialize_assigns_the_default_goals(service, player, body):
    answer = service.request("POST", "/v1/challenges/initialize", body, player)
    assert answer.status == 200
    assert list(answer.json) == ["assignedGoals", "newAssignments", "totalActive"]
    assert (answer.json["newAssignments"], answer.json["totalActive"]) == (3, 3)
    goals = {goal["goalId"]: goal for goal in answer.json["assignedGoals"]}
    assert set(goals) == {"rung-1", "rung-2", "round-daily"}
    for goal in goals.values():
        assert list(goal) == ASSIGNED_KEYS
        assert (goal["isActive"], goal["progress"], goal["status"]) == (True, 0, "not_started")
        assert TIME.match(goal["assignedAt"])
    assert goals["rung-2"]["target"] == 2 and goals["rung-2"]["challengeId"] == "ladder"
    assert goals["rung-2"]["expiresAt"] == "" and goals["round-daily"]["expiresAt"] == next_midnight()


def test_initialize_again_assigns_nothing_new(service, player):
    first = service.request("POST", "/v1/challenges/initialize", {}, player).json
    again = service.request("POST", "/v1/challenges/initialize", {}, player).json
    assert again == {**first, "newAssignments": 0}


def test_initialize_of_a_player_with_any_row_answers_the_active_goals_only(service, player):
    service.request("PUT", "/v1/challenges/old/goals/old-logins/active", {"is_active": True}, player)
    service.request("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": False}, player)
    answer = service.request("POST", "/v1/challenges/initialize", {}, player).json
    assert [goal["goalId"] for goal in answer["assignedGoals"]] == ["old-logins"]
    assert (answer["newAssignments"], answer["totalActive"]) == (0, 1)


def test_concurrent_first_initializes_create_each_row_once(own_rows, player):
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: own_rows.request("POST", "/v1/challenges/initialize", {}, player), range(16)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["totalActive"] for answer in answers} == {3}
    assert sum(answer.json["newAssignments"] for answer in answers) == 3
    assert own_rows.sql(f"SELECT count(*) FROM user_goal_progress WHERE user_id = '{player}'") == [["3"]]


def test_initialize_stores_the_reset_of_a_goal_that_rotated(own_rows, player):
    own_rows.put_row(player, "round-daily", "rounds", "completed", 12, updated="now() - interval '1 day'", baseline="2")
    answer = own_rows.request("POST", "/v1/challenges/initialize", {}, player).json
    assert [(g["goalId"], g["progress"], g["status"]) for g in answer["assignedGoals"]] == [("round-daily", 0, "not_started")]
    assert own_rows.row(player, "round-daily") == ["0", "not_started", "t", "f"]


# ---- set active ----

@pytest.mark.parametrize("body,active", [({"is_active": True}, True), ({"isActive": True}, True), ({"is_active": False}, False),
                                         ({}, False), (None, False), ({"isActive": True, "more": [1]}, True)])
def test_set_active_answers_and_creates_the_row(service, player, body, active):
    answer = service.request("PUT", "/v1/challenges/ladder/goals/rung-3/active", body, player)
    assert answer.status == 200
    assert list(answer.json) == ["challengeId", "goalId", "isActive", "assignedAt", "message"]
    assert (answer.json["challengeId"], answer.json["goalId"], answer.json["isActive"]) == ("ladder", "rung-3", active)
    assert answer.json["message"] == ("Goal activated successfully" if active else "Goal deactivated successfully")
    assert TIME.match(answer.json["assignedAt"]) if active else answer.json["assignedAt"] == ""
    assert goals_of(service.request("GET", "/v1/challenges", user=player))["rung-3"]["isActive"] is active


def test_deactivating_keeps_assigned_at_progress_and_status(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "in_progress", 7)
    on = own_rows.request("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": True}, player).json
    off = own_rows.request("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": False}, player).json
    assert off["assignedAt"] == on["assignedAt"]
    assert own_rows.row(player, "rung-1") == ["7", "in_progress", "f", "f"]


def test_activating_a_goal_that_rotated_stores_its_reset(own_rows, player):
    own_rows.put_row(player, "round-daily", "rounds", "completed", 12, active=False, updated="now() - interval '1 day'", baseline="2")
    own_rows.request("PUT", "/v1/challenges/rounds/goals/round-daily/active", {"is_active": True}, player)
    assert own_rows.row(player, "round-daily") == ["0", "not_started", "t", "f"]


# ---- claim ----

CLAIM = "/v1/challenges/ladder/goals/rung-1/claim"


@pytest.mark.parametrize("body", [None, "", "{}", '{"unknown":true}'])
def test_claim_of_a_completed_goal_gives_its_reward(own_rows, player, body):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    answer = own_rows.request("POST", CLAIM, body, player)
    assert answer.status == 200, answer.text
    assert list(answer.json) == ["goalId", "status", "reward", "claimedAt"]
    assert (answer.json["goalId"], answer.json["status"]) == ("rung-1", "claimed")
    assert answer.json["reward"] == {"type": "WALLET", "rewardId": "GEMS", "quantity": 5}
    goal = goals_of(own_rows.request("GET", "/v1/challenges", user=player))["rung-1"]
    assert (goal["status"], goal["claimedAt"]) == ("claimed", answer.json["claimedAt"])


def test_claim_again_says_when_it_was_claimed(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    claimed_at = own_rows.request("POST", CLAIM, None, player).json["claimedAt"]
    refused(own_rows.request("POST", CLAIM, None, player), 409, 6, f"Reward has already been claimed (goal_id: rung-1, claimed_at: {claimed_at})")


def test_claim_below_the_target_names_the_status(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "in_progress", 0)
    refused(own_rows.request("POST", CLAIM, None, player), 400, 9, "(goal_id: rung-1, status: in_progress)")


@pytest.mark.parametrize("status", ["completed", "claimed", "in_progress"])
def test_claim_of_an_inactive_goal_asks_to_activate_it_before_anything_else(own_rows, player, status):
    own_rows.put_row(player, "rung-1", "ladder", status, 1, active=False)
    refused(own_rows.request("POST", CLAIM, None, player), 400, 9,
            "Goal must be active to claim reward. Activate it first via PUT /v1/challenges/ladder/goals/rung-1/active (goal_id: rung-1)")


def test_claim_with_open_prerequisites_is_refused(own_rows, player):
    own_rows.put_row(player, "rung-2", "ladder", "completed", 2)
    path = "/v1/challenges/ladder/goals/rung-2/claim"
    refused(own_rows.request("POST", path, None, player), 400, 9, "Prerequisites not completed (goal_id: rung-2)")
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    assert own_rows.request("POST", path, None, player).status == 200


@pytest.mark.parametrize("status", ["completed", "claimed"])
def test_claim_of_a_goal_that_rotated_asks_to_complete_it_again(own_rows, player, status):
    own_rows.put_row(player, "round-daily", "rounds", status, 12, updated="now() - interval '1 day'", baseline="0")
    refused(own_rows.request("POST", "/v1/challenges/rounds/goals/round-daily/claim", None, player), 400, 9,
            "Goal has rotated and must be re-completed (goal_id: round-daily, challenge_id: rounds)")


def test_claim_of_a_claimed_goal_without_reselection_stays_claimed_after_a_rotation(own_rows, player):
    own_rows.put_row(player, "round-once", "rounds", "claimed", 12, updated="now() - interval '1 day'")
    refused(own_rows.request("POST", "/v1/challenges/rounds/goals/round-once/claim", None, player), 409, 6, "Reward has already been claimed")


def test_claim_of_progress_kept_over_a_rotation_is_allowed(own_rows, player):
    own_rows.put_row(player, "round-keep", "rounds", "completed", 12, updated="now() - interval '40 days'")
    assert own_rows.request("POST", "/v1/challenges/rounds/goals/round-keep/claim", None, player).status == 200


def test_of_concurrent_claims_one_is_granted_and_the_others_conflict(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: own_rows.request("POST", CLAIM, None, player), range(48)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 47
    assert {answer.json["code"] for answer in answers if answer.status == 409} <= {6, 10}
    assert own_rows.sql(f"SELECT state, count(*) FROM reward_claim WHERE user_id = '{player}' GROUP BY 1") == [["granted", "1"]]


# ---- selection ----

BATCH = "/v1/challenges/ladder/goals/batch-select"
RANDOM = "/v1/challenges/ladder/goals/random-select"


@pytest.mark.parametrize("body", [{"goal_ids": ["rung-3", "rung-1", "rung-3"]}, {"goalIds": ["rung-3", "rung-1"], "replaceExisting": False}])
def test_batch_select_activates_in_the_given_order_and_counts_duplicates_once(service, player, body):
    answer = service.request("POST", BATCH, body, player)
    assert answer.status == 200
    assert list(answer.json) == ["selectedGoals", "challengeId", "totalActiveGoals", "replacedGoals"]
    assert [goal["goalId"] for goal in answer.json["selectedGoals"]] == ["rung-3", "rung-1"]
    assert (answer.json["challengeId"], answer.json["totalActiveGoals"], answer.json["replacedGoals"]) == ("ladder", 2, [])
    for goal in answer.json["selectedGoals"]:
        assert list(goal) == SELECTED_KEYS
        assert goal["isActive"] is True and TIME.match(goal["assignedAt"])


def test_batch_select_replaces_the_challenges_active_goals_only(service, player):
    service.request("POST", "/v1/challenges/initialize", {}, player)
    answer = service.request("POST", BATCH, {"goal_ids": ["rung-3"], "replace_existing": True}, player).json
    assert (answer["replacedGoals"], answer["totalActiveGoals"]) == (["rung-1", "rung-2"], 1)
    goals = goals_of(service.request("GET", "/v1/challenges", user=player))
    assert {name for name, goal in goals.items() if goal["isActive"]} == {"rung-3", "round-daily"}


def test_batch_select_keeps_and_reports_the_true_progress(own_rows, player):
    own_rows.put_row(player, "rung-2", "ladder", "in_progress", 1, active=False)
    selected = own_rows.request("POST", BATCH, {"goal_ids": ["rung-2"]}, player).json["selectedGoals"]
    assert [(goal["progress"], goal["status"], goal["target"]) for goal in selected] == [(1, "in_progress", 2)]


def test_batch_select_with_one_bad_id_changes_nothing(service, player):
    assert service.request("POST", BATCH, {"goal_ids": ["rung-1", "nope"], "replace_existing": True}, player).status == 404
    assert service.request("GET", "/v1/challenges?active_only=true", user=player).text == '{"challenges":[]}'


def test_random_select_draws_open_goals_without_repeating(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    own_rows.put_row(player, "rung-2", "ladder", "completed", 2)
    answer = own_rows.request("POST", RANDOM, {"count": 5}, player).json
    assert [goal["goalId"] for goal in answer["selectedGoals"]] == ["rung-3"], "fewer than asked for: all there are"
    assert answer["totalActiveGoals"] == 3


def test_random_select_leaves_locked_goals_out(service, player):
    answer = service.request("POST", RANDOM, {"count": 3}, player).json
    assert [goal["goalId"] for goal in answer["selectedGoals"]] == ["rung-1"]


@pytest.mark.parametrize("option", [{"exclude_active": True}, {"excludeActive": True}, {"replace_existing": True}])
def test_random_select_may_leave_active_goals_out(service, player, option):
    service.request("PUT", "/v1/challenges/ladder/goals/rung-1/active", {"is_active": True}, player)
    refused(service.request("POST", RANDOM, {"count": 2, **option}, player), 400, 3,
            "INSUFFICIENT_GOALS: no goals available for selection (available: 0, requested: 2)")


def test_random_select_replaces_what_was_active(service, player):
    service.request("PUT", "/v1/challenges/rounds/goals/round-once/active", {"is_active": True}, player)
    answer = service.request("POST", "/v1/challenges/rounds/goals/random-select", {"count": 1, "replace_existing": True}, player).json
    assert answer["replacedGoals"] == ["round-once"] and answer["totalActiveGoals"] == 1
    assert answer["selectedGoals"][0]["goalId"] in ("round-daily", "round-keep")
    assert TIME.match(answer["selectedGoals"][0]["expiresAt"])


def test_random_select_draws_every_goal_now_and_then(service, player):
    drawn = {service.request("POST", "/v1/challenges/rounds/goals/random-select", {"count": 1}, f"{player}-{i}").json["selectedGoals"][0]["goalId"]
             for i in range(64)}
    assert drawn == {"round-daily", "round-once", "round-keep"}


# ---- rotation ----

def test_rotation_reports_the_first_rotating_goals_periods(service, player):
    answer = service.request("GET", "/v1/challenges/rounds/rotation", user=player).json
    assert list(answer) == ["challengeId", "rotation"]
    rotation = answer["rotation"]
    assert list(rotation) == ["enabled", "type", "schedule", "currentPeriod", "nextPeriod"]
    assert (answer["challengeId"], rotation["enabled"], rotation["type"], rotation["schedule"]) == ("rounds", True, "global", "daily")
    current, following = rotation["currentPeriod"], rotation["nextPeriod"]
    assert list(current) == ["startTime", "endTime", "expiresInSeconds"]
    assert current["endTime"] == following["startTime"] == next_midnight()
    assert 0 <= current["expiresInSeconds"] <= 86400


def test_rotation_of_a_challenge_without_one_is_disabled(service, player):
    assert service.request("GET", "/v1/challenges/ladder/rotation", user=player).json == {
        "challengeId": "ladder",
        "rotation": {"enabled": False, "type": "", "schedule": "", "currentPeriod": None, "nextPeriod": None}}


def test_rotating_goals_expire_at_the_next_boundary(service, player):
    goals = goals_of(service.request("GET", "/v1/challenges", user=player))
    assert goals["round-daily"]["expiresAt"] == next_midnight()
    assert 0 <= goals["round-daily"]["expiresInSeconds"] <= 86400
    assert goals["round-keep"]["expiresAt"].endswith("-01T00:00:00Z")


DISPLAYS = [
    # goal, status, progress, baseline, age -> progress, status
    ("round-daily", "in_progress", 7, "2", "0 s", 5, "in_progress"),
    ("round-daily", "in_progress", 7, "NULL", "0 s", 0, "in_progress"),
    ("round-daily", "in_progress", 2, "7", "0 s", 0, "in_progress"),
    ("round-daily", "completed", 12, "2", "1 day", 0, "not_started"),
    ("round-daily", "claimed", 12, "2", "1 day", 0, "not_started"),
    ("round-once", "completed", 12, "NULL", "1 day", 0, "not_started"),
    ("round-once", "claimed", 12, "NULL", "1 day", 12, "claimed"),
    ("round-keep", "completed", 12, "NULL", "40 days", 12, "completed"),
]


@pytest.mark.parametrize("goal,status,progress,baseline,age,shown_progress,shown_status", DISPLAYS, ids=[" ".join(map(str, d)) for d in DISPLAYS])
def test_list_shows_rotations_and_relative_progress(own_rows, player, goal, status, progress, baseline, age, shown_progress, shown_status):
    own_rows.put_row(player, goal, "rounds", status, progress, updated=f"now() - interval '{age}'", baseline=baseline)
    shown = goals_of(own_rows.request("GET", "/v1/challenges", user=player))[goal]
    assert (shown["progress"], shown["status"]) == (shown_progress, shown_status)
    if shown_status == "not_started":
        assert (shown["completedAt"], shown["claimedAt"]) == ("", "")


# ---- HTTP ----

@pytest.mark.parametrize("path", ["", "?active_only=true", "/ladder"])
def test_list_comes_compressed_as_the_client_likes_it(service, player, path):
    service.request("POST", "/v1/challenges/initialize", {}, player)
    plain = service.request("GET", f"/v1/challenges{path}", user=player)
    assert plain.headers["vary"] == "accept-encoding" and "content-encoding" not in plain.headers
    for accepted, coding in [("gzip, deflate, br", "gzip"), ("gzip;q=0.5, zstd", "zstd"), ("gzip;q=0", None), ("br", None)]:
        got = service.raw("GET", f"/v1/challenges{path}", {"x-mock-user-id": player, "accept-encoding": accepted})
        headers, body = got
        assert headers.get("content-encoding") == coding
        if coding == "gzip":
            body = gzip.decompress(body)
        if coding != "zstd":  # Python of Debian 12 has no zstd; the unit tests read it
            assert json.loads(body) == plain.json


def test_tag_of_a_compressed_list_spares_it(own_rows, player):
    headers = {"x-mock-user-id": player, "accept-encoding": "gzip"}
    tag = own_rows.raw("GET", "/v1/challenges/ladder", headers)[0]["etag"]
    again = own_rows.request("GET", "/v1/challenges/ladder", headers={**headers, "if-none-match": tag})
    assert again.status == 304 and again.text == ""
    own_rows.put_row(player, "rung-1", "ladder", "in_progress", 1)
    assert own_rows.raw("GET", "/v1/challenges/ladder", headers)[0]["etag"] != tag
    assert "etag" not in own_rows.raw("GET", "/v1/challenges", headers)[0], "rotating goals count down in every answer"


def test_head_of_the_list_has_its_length(service, player):
    whole = service.request("GET", "/v1/challenges/ladder", user=player)
    head = service.request("HEAD", "/v1/challenges/ladder", user=player)
    assert head.text == "" and head.headers["content-length"] == whole.headers["content-length"]


def test_ids_in_paths_may_be_percent_encoded(service, player):
    assert service.request("GET", "/v1/challenges/l%61dder", user=player).json["challengeId"] == "ladder"


def test_body_that_is_too_large_is_refused(service, player):
    answer = service.request("POST", BATCH, "{" + " " * 1_100_000 + "}", player)
    assert answer.status == 413


def test_answers_are_counted_by_method_route_and_status(own_rows, player):
    own_rows.request("GET", "/v1/challenges/ladder", user=player)
    text = own_rows.metrics()
    assert re.search(r'challenge_api_request_duration_seconds_count\{method="GET",route="/challenge/v1/challenges/\{challenge_id\}",status="200"\} [1-9]', text)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "grpc_server_started_total"):
        assert name in text, name
