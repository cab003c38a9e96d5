"""REST where a table cannot say it: races, the rows behind the answers, HTTP. The contract line by line is cases.json (test_cases.py).
Each case is a player of its own."""
import concurrent.futures
import gzip
import json
import re
import time

import pytest


def goals_of(answer):
    """goalId -> goal of a list answer."""
    return {goal["goalId"]: goal for challenge in answer.json["challenges"] for goal in challenge["goals"]}


def refused(answer, status, code, message):
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["code", "message", "details"]
    assert answer.json["code"] == code and answer.json["details"] == []
    assert message in answer.json["message"]


@pytest.mark.parametrize("name", ["\xff\xfe", "x" * 101], ids=["not UTF-8", "101 characters"])
def test_player_id_that_no_table_can_hold_is_refused(service, name):
    refused(service.request("GET", "/v1/challenges", user=name), 400, 3, "x-mock-user-id")


# ---- list ----


def test_list_without_a_player_is_the_default_players(service):
    named = service.request("GET", "/v1/challenges?active_only=true", user="test-user-id")
    assert service.request("GET", "/v1/challenges?active_only=true").text == named.text
    assert service.request("GET", "/v1/challenges?active_only=true", user="").text == named.text


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


def test_initialize_again_assigns_nothing_new(service, player):
    first = service.request("POST", "/v1/challenges/initialize", {}, player).json
    again = service.request("POST", "/v1/challenges/initialize", {}, player).json
    assert again == {**first, "newAssignments": 0}


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


def test_of_concurrent_claims_one_is_granted_and_the_others_conflict(own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: own_rows.request("POST", CLAIM, None, player), range(48)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 47
    assert {answer.json["code"] for answer in answers if answer.status == 409} <= {6, 10}
    assert own_rows.sql(f"SELECT state, count(*) FROM reward_claim WHERE user_id = '{player}' GROUP BY 1") == [["granted", "1"]]


@pytest.mark.parametrize("ahead", ["1 day 0.2 seconds", "2 days 3 hours"])
def test_claim_of_a_row_that_is_of_the_next_period_already_is_granted_once(own_rows, player, ahead):
    """As an event handler leaves it whose clock is past midnight before the service's."""
    own_rows.put_row(player, "old-daily", "old", "completed", 1,
                     updated=f"date_trunc('day', now() AT TIME ZONE 'utc') + interval '{ahead}'")
    answers = [own_rows.request("POST", "/v1/challenges/old/goals/old-daily/claim", None, player).status for _ in range(3)]
    assert answers == [200, 409, 409]
    assert own_rows.row(player, "old-daily")[1] == "claimed"
    assert own_rows.sql(f"SELECT state, count(*) FROM reward_claim WHERE user_id = '{player}' GROUP BY 1") == [["granted", "1"]]


# ---- selection ----

def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this never came"
        time.sleep(0.02)


BATCH = "/v1/challenges/ladder/goals/batch-select"


def test_batch_select_with_one_bad_id_changes_nothing(service, player):
    assert service.request("POST", BATCH, {"goal_ids": ["rung-1", "nope"], "replace_existing": True}, player).status == 404
    active = service.request("GET", "/v1/challenges?active_only=true", user=player).json["challenges"]
    assert [challenge["goals"] for challenge in active] == [[], [], []]


def test_batch_selects_in_opposite_orders_do_not_wait_in_a_circle(own_rows, player):
    rungs = ["rung-1", "rung-2", "rung-3"]
    assert own_rows.request("POST", BATCH, {"goal_ids": rungs}, player).status == 200
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    holding = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    with concurrent.futures.ThreadPoolExecutor(17) as threads:
        threads.submit(own_rows.sql, f"BEGIN; UPDATE user_goal_progress SET progress = progress WHERE user_id = '{player}' AND goal_id = 'rung-2';"
                                     " SELECT pg_sleep(50)")
        until(lambda: own_rows.sql(holding))
        # As many as it takes for both orders to wait, each on a connection of its own.
        answers = [threads.submit(own_rows.request, "POST", BATCH, {"goal_ids": order}, player) for order in 8 * (rungs, rungs[::-1])]
        until(lambda: int(own_rows.sql(waiting)[0][0]) >= 2)
        own_rows.sql(f"SELECT pg_cancel_backend(pid) FROM ({holding}) AS holder")
        assert {answer.result().status for answer in answers} == {200}


def test_random_select_draws_every_goal_now_and_then(service, player):
    drawn = {service.request("POST", "/v1/challenges/rounds/goals/random-select", {"count": 1}, f"{player}-{i}").json["selectedGoals"][0]["goalId"]
             for i in range(64)}
    assert drawn == {"round-daily", "round-once", "round-keep"}


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


def test_body_that_is_too_large_is_refused(service, player):
    answer = service.request("POST", BATCH, "{" + " " * 1_100_000 + "}", player)
    assert answer.status == 413


def test_answers_are_counted_by_method_path_pattern_and_status_code(own_rows, player):
    own_rows.request("GET", "/v1/challenges/ladder", user=player)
    text = own_rows.metrics()
    assert re.search(r'challenge_api_request_duration_seconds_count\{method="GET",path="/challenge/v1/challenges/\{challenge_id\}",status_code="200"\} [1-9]', text)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "grpc_server_started_total"):
        assert name in text, name
