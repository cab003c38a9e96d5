"""With tokens checked and rewards granted by a platform, also one that fails, breaks off and lies."""
import pathlib
import time

import grpc
import pytest

from mock_platform import real_rewards, running_platform
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
    with running_service(database, CONFIG, **real_rewards(platform, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true")) as running:
        yield running


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_player_is_the_tokens_subject(service, platform):
    answer = service.request("POST", "/v1/challenges/initialize", {}, headers=bearer(platform.token(sub="token-user")))
    assert answer.status == 200
    assert service.sql("SELECT count(*) FROM user_goal_progress WHERE user_id = 'token-user'") == [["3"]]


def test_mock_user_header_means_nothing_while_tokens_are_checked(service, platform):
    headers = {**bearer(platform.token(sub="honest")), "x-mock-user-id": "victim"}
    service.request("POST", "/v1/challenges/initialize", {}, headers=headers)
    assert service.sql("SELECT count(*) FROM user_goal_progress WHERE user_id = 'victim'") == [["0"]]
    assert service.request("GET", "/v1/challenges", headers={"x-mock-user-id": "victim"}).status == 401


def own_key_in_header(platform):
    """Signed with the issuer's key, but naming a key of the attacker's by every means that the standard has."""
    return platform.token(header={"kid": "attacker", "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/",
                                  "jwk": {"kty": "RSA", "kid": "attacker", "n": "AQAB", "e": "AQAB"}})


def other_signature(platform):
    head, payload, _ = platform.token().split(".")
    return f"{head}.{payload}.{platform.token(sub='bob').split('.')[2]}"


def changed_payload(platform):
    head, _, signature = platform.token().split(".")
    return f"{head}.{platform.token(sub='admin').split('.')[1]}.{signature}"


# What an attacker may send -> the status, and whether keys may be asked for once on account of it.
BAD_TOKENS = {
    "none": (lambda p: {}, 401),
    "no scheme": (lambda p: {"authorization": p.token()}, 401),
    "basic": (lambda p: {"authorization": "Basic YTpi"}, 401),
    "empty": (lambda p: {"authorization": "Bearer "}, 401),
    "two headers": (lambda p: [("authorization", f"Bearer {p.token()}"), ("authorization", f"Bearer {p.token()}")], 401),
    "two in one header": (lambda p: {"authorization": f"Bearer {p.token()}, Bearer {p.token()}"}, 401),
    "alg none": (lambda p: bearer(p.token(header={"alg": "none"})), 401),
    "alg none without signature": (lambda p: bearer(p.token(header={"alg": "none"}).rsplit(".", 1)[0] + "."), 401),
    "alg nOnE": (lambda p: bearer(p.token(header={"alg": "nOnE"})), 401),
    "alg HS256": (lambda p: bearer(p.token(header={"alg": "HS256"})), 401),
    "HS256 keyed with the public key": (lambda p: bearer(p.token(forge="hs256")), 401),
    "alg RS512": (lambda p: bearer(p.token(header={"alg": "RS512"})), 401),
    "no alg": (lambda p: bearer(p.token(header={"alg": None})), 401),
    "no kid": (lambda p: bearer(p.token(header={"kid": None})), 401),
    "unknown kid": (lambda p: bearer(p.token(header={"kid": "k2"})), 401),
    "kid is a path": (lambda p: bearer(p.token(header={"kid": "../../../../dev/null"})), 401),
    "kid is SQL": (lambda p: bearer(p.token(header={"kid": "x' UNION SELECT 'k' --"})), 401),
    "kid is a number": (lambda p: bearer(p.token(header={"kid": 1})), 401),
    "keys of one's own": (lambda p: bearer(own_key_in_header(p)), 401),
    "truncated": (lambda p: bearer(p.token()[:-20]), 401),
    "two parts": (lambda p: bearer(p.token().rsplit(".", 1)[0]), 401),
    "four parts": (lambda p: bearer(p.token() + ".AAAA"), 401),
    "another token's signature": (lambda p: bearer(other_signature(p)), 401),
    "another token's payload": (lambda p: bearer(changed_payload(p)), 401),
    "no base64": (lambda p: bearer("a!b.c!d.e!f"), 401),
    "12 KB": (lambda p: bearer(p.token(padding="x" * 9000)), 401),
    "1 MB": (lambda p: bearer("x" * 1_000_000), 431),
    "expired": (lambda p: bearer(p.token(exp=int(time.time()) - 1)), 401),
    "no expiry": (lambda p: bearer(p.token(exp=None)), 401),
    "expiry is text": (lambda p: bearer(p.token(exp="tomorrow")), 401),
    "not yet valid": (lambda p: bearer(p.token(nbf=int(time.time()) + 60)), 401),
    "empty subject": (lambda p: bearer(p.token(sub="")), 401),
    "no subject": (lambda p: bearer(p.token(sub=None)), 401),
    "subject too long": (lambda p: bearer(p.token(sub="x" * 101)), 401),
    "other namespace": (lambda p: bearer(p.token(namespace="prod")), 403),
    "no namespace": (lambda p: bearer(p.token(namespace=None)), 403),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_token_is_refused(service, platform, name):
    headers, status = BAD_TOKENS[name]
    answer = service.request("GET", "/v1/challenges", headers=headers(platform))
    assert (answer.status, answer.json["code"]) == (status, {401: 16, 403: 7, 431: 8}[status])


def test_bad_tokens_start_no_storm_of_key_requests(service, platform):
    before = platform.key_requests
    for number in range(20):
        service.request("GET", "/v1/challenges", headers=bearer(platform.token(header={"kid": f"invented-{number}"})))
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
        assert ask(b"", metadata=[("authorization", f"Bearer {platform.token()}")], timeout=10)
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


def claim(service, platform, player, headers=None):
    return service.request("POST", CLAIM, None, headers=headers or bearer(platform.token(sub=player)))


@pytest.fixture
def completed(service, platform, player):
    """A player whose rung-1 can be claimed, at a platform that has nothing bad in store."""
    platform.faults(next=[])
    service.put_row(player, "rung-1", "ladder", "completed", 1)
    return player


def state_of_claim(service, player):
    return [state for state, in service.sql(f"SELECT state FROM reward_claim WHERE user_id = '{player}'")]


def test_claim_credits_the_wallet_once(service, platform, completed):
    assert claim(service, platform, completed).status == 200
    granted, = platform.grants(completed)
    assert (granted["type"], granted["rewardId"], granted["quantity"], granted["requests"]) == ("WALLET", "GEMS", 5, 1)
    assert service.sql(f"SELECT claim_key FROM reward_claim WHERE user_id = '{completed}'") == [[granted["key"]]]


def test_claim_of_an_item_makes_an_entitlement(service, platform, completed):
    service.put_row(completed, "rung-2", "ladder", "completed", 2)
    answer = service.request("POST", CLAIM.replace("rung-1", "rung-2"), None, headers=bearer(platform.token(sub=completed)))
    assert answer.status == 200, answer.text
    granted, = platform.grants(completed)
    assert (granted["type"], granted["rewardId"], granted["quantity"]) == ("ITEM", "ROPE", 1)


@pytest.mark.parametrize("fault", ["lie", "cutGranted"])
def test_grant_behind_a_failure_is_not_repeated(service, platform, completed, fault):
    platform.faults(next=[fault])
    assert claim(service, platform, completed).status == 200, "the retry with the same key finds it granted"
    granted, = platform.grants(completed)
    assert granted["requests"] == 2


def test_grant_without_an_answer_is_asked_for_again_in_time(service, platform, completed):
    platform.faults(next=["hang"])
    assert claim(service, platform, completed).status == 200


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_refused_grant_is_not_retried_and_may_be_claimed_again(service, platform, completed, status):
    platform.faults(next=[str(status)])
    refused = claim(service, platform, completed)
    assert (refused.status, refused.json["code"]) == (500, 13)
    assert refused.json["message"].startswith("Failed to grant reward via Platform Service (goal_id: rung-1)"), "there was no retry"
    assert service.row(completed, "rung-1")[1] == "completed" and state_of_claim(service, completed) == ["refused"]
    assert claim(service, platform, completed).status == 200


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_failed_grant_is_retried(service, platform, completed, status):
    platform.faults(next=[str(status)])
    assert claim(service, platform, completed).status == 200


def test_grant_that_stays_uncertain_is_claimed_later_with_the_same_key(service, platform, completed):
    platform.faults(next=["lie", "500", "503", "500"])
    assert claim(service, platform, completed).status == 500
    assert state_of_claim(service, completed) == ["uncertain"]
    assert claim(service, platform, completed).status == 200
    assert len(platform.grants(completed)) == 1, "granted behind the first 500, and only then"
    assert state_of_claim(service, completed) == ["granted"]


def test_refusal_of_a_claim_that_may_have_been_granted_before_waits_for_a_person(service, platform, completed):
    platform.faults(next=["lie", "500", "503", "500", "403"])
    assert claim(service, platform, completed).status == 500
    assert claim(service, platform, completed).status == 500, "refused now"
    assert state_of_claim(service, completed) == ["needs_review"]
    assert claim(service, platform, completed).status == 409
    assert len(platform.grants(completed)) == 1


def test_tokens_of_a_new_key_are_taken_and_those_of_the_withdrawn_one_refused(database, platform):
    with running_service(database, CONFIG, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true", AB_BASE_URL=platform.url,
                         REFRESH_INTERVAL="1") as service:
        old = bearer(platform.token())
        assert service.request("GET", "/v1/challenges", headers=old).status == 200
        platform.change_keys()
        give_up = time.monotonic() + 15
        for headers, status in [(bearer(platform.token()), 200), (old, 401)]:
            in_a_row = 0  # each worker fetches the keys by itself
            while in_a_row < 12:
                assert time.monotonic() < give_up
                in_a_row = in_a_row + 1 if service.request("GET", "/v1/challenges", headers=headers).status == status else 0


def test_tokens_must_be_of_the_issuer_and_for_the_audience_that_settings_name(database, platform):
    with running_service(database, CONFIG, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true", AB_BASE_URL=platform.url,
                         AB_TOKEN_ISSUER="https://iam.game", AB_TOKEN_AUDIENCE="game") as service:
        for claims, status in [({"iss": "https://iam.game", "aud": "game"}, 200), ({"iss": "https://iam.game", "aud": ["web", "game"]}, 200),
                               ({"iss": "https://iam.game"}, 401), ({"aud": "game"}, 401), ({"iss": "https://iam.game", "aud": "web"}, 401),
                               ({"iss": "https://iam.other", "aud": "game"}, 401), ({}, 401)]:
            assert service.request("GET", "/v1/challenges", headers=bearer(platform.token(**claims))).status == status, claims


def test_who_grants_rewards_is_said_at_the_start_and_in_the_metrics(database, platform):
    with running_service(database, CONFIG) as service:
        assert "DevMockRewardClient" in service.log.read_text() and "no reward is given" in service.log.read_text()
        assert 'challenge_reward_client_info{mode="mock"} 1' in service.metrics()
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        assert service.request("POST", CLAIM, None, "ann").status == 200
        assert "reward granted" not in service.log.read_text(), "nothing was"
    with running_service(database, CONFIG, **real_rewards(platform, REWARD_CLIENT_MODE="")) as service:  # as if unset: the default
        assert "AGSRewardClient initialized" in service.log.read_text() and "DevMock" not in service.log.read_text()
        assert 'challenge_reward_client_info{mode="real"} 1' in service.metrics()
        assert "secret" not in service.log.read_text()


def test_rewards_are_real_unless_a_mock_is_asked_for(database):
    environment = service_environment(database, "postgres", CONFIG)
    del environment["REWARD_CLIENT_MODE"]
    ended, said = start_that_fails(environment)
    assert ended == 2
    for word in ("AB_BASE_URL", "AB_CLIENT_ID", "AB_CLIENT_SECRET", "REWARD_CLIENT_MODE=mock"):
        assert word in said, said
    ended, said = start_that_fails({**environment, "AB_BASE_URL": "http://127.0.0.1:1", "AB_CLIENT_ID": "client"})
    assert ended == 2 and "AB_CLIENT_SECRET" in said and "AB_CLIENT_ID " not in said, "only what is missing is named"


@pytest.mark.parametrize("variables,words", [
    ({"PLUGIN_GRPC_SERVER_AUTH_ENABLED": "true"}, ["AB_BASE_URL", "PLUGIN_GRPC_SERVER_AUTH_ENABLED"]),
    ({"REWARD_CLIENT_MODE": "real"}, ["AB_BASE_URL", "AB_CLIENT_ID", "AB_CLIENT_SECRET"]),
])
def test_start_without_the_platforms_settings_names_them(database, variables, words):
    ended, said = start_that_fails(service_environment(database, "postgres", CONFIG, **variables))
    assert ended == 2
    for word in words:
        assert word in said
