"""With tokens checked and rewards granted by a platform, also one that fails, breaks off and lies."""
import concurrent.futures
import pathlib
import time

import grpc
import pytest

from mock_platform import running_platform
from service_under_test import running_service, service_environment, start_that_fails

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE / "contract_challenges.json"
CLAIM = "/v1/challenges/ladder/goals/rung-1/claim"

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def platform():
    with running_platform() as running:
        yield running


@pytest.fixture(scope="module")
def service(database, platform):
    with running_service(database, CONFIG, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true", REWARD_CLIENT_MODE="real",
                         REWARD_IDEMPOTENCY="true", AB_BASE_URL=platform.url, AB_CLIENT_ID="client", AB_CLIENT_SECRET="secret") as running:
        yield running


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_player_is_the_tokens_subject(service, platform):
    answer = service.request("POST", "/v1/challenges/initialize", {}, headers=bearer(platform.issuer.token(sub="token-user")))
    assert answer.status == 200
    assert service.sql("SELECT count(*) FROM user_goal_progress WHERE user_id = 'token-user'") == [["3"]]


def test_mock_user_header_means_nothing_while_tokens_are_checked(service, platform):
    headers = {**bearer(platform.issuer.token(sub="honest")), "x-mock-user-id": "victim"}
    service.request("POST", "/v1/challenges/initialize", {}, headers=headers)
    assert service.sql("SELECT count(*) FROM user_goal_progress WHERE user_id = 'victim'") == [["0"]]
    assert service.request("GET", "/v1/challenges", headers={"x-mock-user-id": "victim"}).status == 401


BAD_TOKENS = {
    "none": (lambda i: {}, 401),
    "no scheme": (lambda i: {"authorization": i.token()}, 401),
    "basic": (lambda i: {"authorization": "Basic YTpi"}, 401),
    "empty": (lambda i: {"authorization": "Bearer "}, 401),
    "alg none": (lambda i: bearer(i.token(header={"alg": "none"})), 401),
    "alg HS256": (lambda i: bearer(i.token(header={"alg": "HS256"})), 401),
    "unknown key": (lambda i: bearer(i.token(header={"kid": "k2"})), 401),
    "key injection": (lambda i: bearer(i.token(header={"kid": "../k1", "jku": "http://127.0.0.1:1/"})), 401),
    "truncated": (lambda i: bearer(i.token()[:-20]), 401),
    "expired": (lambda i: bearer(i.token(exp=int(time.time()) - 1)), 401),
    "not yet valid": (lambda i: bearer(i.token(nbf=int(time.time()) + 60)), 401),
    "no subject": (lambda i: bearer(i.token(sub="")), 401),
    "subject too long": (lambda i: bearer(i.token(sub="x" * 101)), 401),
    "other namespace": (lambda i: bearer(i.token(namespace="prod")), 403),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_token_is_refused(service, platform, name):
    headers, status = BAD_TOKENS[name]
    answer = service.request("GET", "/v1/challenges", headers=headers(platform.issuer))
    assert (answer.status, answer.json["code"]) == (status, {401: 16, 403: 7}[status])


def test_bad_tokens_start_no_storm_of_key_requests(service, platform):
    before = platform.key_requests
    for number in range(20):
        service.request("GET", "/v1/challenges", headers=bearer(platform.issuer.token(header={"kid": f"invented-{number}"})))
    assert platform.key_requests - before <= 2, "one a worker thread at most"


@pytest.mark.parametrize("path", ["/healthz"])
def test_health_needs_no_token(service, path):
    assert service.request("GET", path).status == 200


def test_grpc_wants_the_token_too(service, platform):
    with grpc.insecure_channel(service.grpc) as channel:
        ask = channel.unary_unary("/service.Service/GetUserChallenges")
        with pytest.raises(grpc.RpcError) as refusal:
            ask(b"", timeout=10)
        assert refusal.value.code().name == "UNAUTHENTICATED"
        assert ask(b"", metadata=[("authorization", f"Bearer {platform.issuer.token()}")], timeout=10)
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


def claim(service, platform, player, headers=None):
    return service.request("POST", CLAIM, None, headers=headers or bearer(platform.issuer.token(sub=player)))


def test_claim_credits_the_wallet_once(service, platform, player):
    service.put_row(player, "rung-1", "ladder", "completed", 1)
    assert claim(service, platform, player).status == 200
    path, body = platform.grants[-1]
    assert path == f"/platform/admin/namespaces/test/users/{player}/wallets/GEMS/credit"
    assert body["amount"] == 5


def test_grant_that_succeeded_behind_a_500_is_not_repeated(service, platform, player):
    service.put_row(player, "rung-1", "ladder", "completed", 1)
    before = len(platform.grants)
    platform.faults[:] = ["granted but 500"]
    assert claim(service, platform, player).status == 200, "the retry with the same key finds it granted"
    assert len(platform.grants) == before + 1


def test_grant_whose_connection_was_cut_is_not_repeated(service, platform, player):
    service.put_row(player, "rung-1", "ladder", "completed", 1)
    before = len(platform.grants)
    platform.faults[:] = ["granted but cut"]
    assert claim(service, platform, player).status == 200
    assert len(platform.grants) == before + 1


def test_refused_grant_is_not_retried_and_may_be_claimed_again(service, platform, player):
    service.put_row(player, "rung-1", "ladder", "completed", 1)
    platform.faults[:] = [404]
    refused = claim(service, platform, player)
    assert (refused.status, refused.json["code"]) == (500, 13)
    assert refused.json["message"] == "Failed to grant reward via Platform Service after 3 retries (goal_id: rung-1)"
    assert not platform.faults and service.row(player, "rung-1")[1] == "completed"
    assert claim(service, platform, player).status == 200


def test_grant_that_stays_uncertain_is_claimed_later_with_the_same_key(service, platform, player):
    service.put_row(player, "rung-1", "ladder", "completed", 1)
    before = len(platform.grants)
    platform.faults[:] = ["granted but 500", 500, 503, 500]
    assert claim(service, platform, player).status == 500
    assert service.sql(f"SELECT state FROM reward_claim WHERE user_id = '{player}'") == [["uncertain"]]
    assert claim(service, platform, player).status == 200
    assert len(platform.grants) == before + 1, "granted behind the first 500, and only then"
    assert service.sql(f"SELECT state FROM reward_claim WHERE user_id = '{player}'") == [["granted"]]


def test_racing_claims_under_a_lying_platform_grant_each_goal_once(service, platform):
    players = [f"racer-{number}" for number in range(12)]
    for player in players:
        service.put_row(player, "rung-1", "ladder", "completed", 1)
    headers = {player: bearer(platform.issuer.token(sub=player)) for player in players}
    before = len(platform.grants)
    platform.faults[:] = [fault for _ in range(4) for fault in ("granted but 500", None, "granted but cut", None)]
    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda n: claim(service, platform, None, headers[players[n % 12]]), range(120)))
    platform.faults[:] = []
    assert {answer.status for answer in answers} <= {200, 409}
    assert sum(answer.status == 200 for answer in answers) == 12
    assert len(platform.grants) - before == 12
    claimed = service.sql("SELECT count(*) FROM user_goal_progress WHERE user_id LIKE 'racer-%' AND status = 'claimed'")
    assert claimed == [["12"]]


def test_service_killed_during_a_grant_finishes_the_claim_without_a_second_one(database, platform):
    name = database.fresh()
    variables = {"PLUGIN_GRPC_SERVER_AUTH_ENABLED": "false", "REWARD_CLIENT_MODE": "real", "REWARD_IDEMPOTENCY": "true",
                 "AB_BASE_URL": platform.url, "AB_CLIENT_ID": "client", "AB_CLIENT_SECRET": "secret"}
    before = len(platform.grants)
    with running_service(database, CONFIG, name=name, expect_exit=None, **variables) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        platform.faults[:] = ["granted but 500", 500, 500, 500]
        with concurrent.futures.ThreadPoolExecutor() as threads:
            claiming = threads.submit(service.request, "POST", CLAIM, None, "ann")
            while len(platform.grants) == before:
                time.sleep(0.01)
            service.process.kill()
            with pytest.raises(OSError):
                claiming.result()
    platform.faults[:] = []
    database.sql(name, "UPDATE reward_claim SET lease_until = timezone('utc', now())")  # as 30 seconds later
    with running_service(database, CONFIG, name=name, **variables) as service:
        give_up = time.monotonic() + 15
        while service.row("ann", "rung-1")[1] != "claimed":
            assert time.monotonic() < give_up, service.log.read_text()
            time.sleep(0.05)
    assert len(platform.grants) == before + 1


@pytest.mark.parametrize("variables,words", [
    ({"PLUGIN_GRPC_SERVER_AUTH_ENABLED": "true"}, ["AB_BASE_URL", "PLUGIN_GRPC_SERVER_AUTH_ENABLED"]),
    ({"REWARD_CLIENT_MODE": "real"}, ["AB_BASE_URL", "AB_CLIENT_ID", "AB_CLIENT_SECRET"]),
])
def test_start_without_the_platforms_settings_names_them(database, variables, words):
    ended, said = start_that_fails(service_environment(database, "postgres", CONFIG, **variables))
    assert ended == 2
    for word in words:
        assert word in said
