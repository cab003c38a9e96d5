"""One reward for one claim, whatever fails: the service killed at every step, a platform that lies and breaks off, many claims at
once. What is granted is read from the platform (gauntlet ags-mock), what is claimed from the database."""
import concurrent.futures
import contextlib
import json
import pathlib
import random
import subprocess
import time

import pytest

from mock_platform import real_rewards, running_platform
from service_under_test import BIN, ROOT, running_service

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
CLAIM = "/v1/challenges/ladder/goals/rung-1/claim"
STEPS = ["claim.opened", "claim.asked", "claim.settled"]


def settled(service, give_up_s=30):
    """With every client answered: lets recovery work as if leases and pauses had passed, until no claim is open but those that
    wait for a person. Claims that recovery itself has leased keep their time."""
    give_up = time.monotonic() + give_up_s
    while service.sql("SELECT 1 FROM reward_claim WHERE state IN ('granting', 'uncertain')"):
        assert time.monotonic() < give_up, service.sql("SELECT state, reason FROM reward_claim")
        service.sql("UPDATE reward_claim SET lease_until = timezone('utc', now()) WHERE state = 'uncertain' OR state = 'granting' AND attempts = 1")
        time.sleep(0.2)


def claim_until_killed(service):
    with contextlib.suppress(OSError):
        service.request("POST", CLAIM, None, "ann")
    assert service.process.wait(20) == -9


def claims(service, *arguments):
    """What `gauntlet claims` prints, on the service's database."""
    done = subprocess.run([BIN / "gauntlet", "claims", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**service.environment}, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("step", STEPS)
def test_service_killed_in_a_claim_grants_once(database, platform, step):
    name = database.fresh()
    variables = real_rewards(platform)
    with running_service(database, CONFIG, name=name, expect_exit=None, program="challenge-service-with-faults",
                         GAUNTLET_FAULT=step, **variables) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        claim_until_killed(service)
        assert len(platform.grants()) == (0 if step == "claim.opened" else 1)
    with running_service(database, CONFIG, name=name, **variables) as service:
        settled(service)
        assert service.row("ann", "rung-1")[1] == "claimed"
        assert service.request("POST", CLAIM, None, "ann").status == 409
    assert len(platform.grants()) == 1


def test_service_killed_while_the_platform_works_grants_once(database, platform):
    name = database.fresh()
    platform.faults(latencyMs=[600, 600])
    with running_service(database, CONFIG, name=name, expect_exit=None, **real_rewards(platform)) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            claiming = threads.submit(service.request, "POST", CLAIM, None, "ann")
            while not platform.grants():
                time.sleep(0.01)
            service.process.kill()
            with pytest.raises(OSError):
                claiming.result()
    with running_service(database, CONFIG, name=name, **real_rewards(platform)) as service:
        settled(service)
        assert service.row("ann", "rung-1")[1] == "claimed"
    granted, = platform.grants()
    assert granted["requests"] == 2, "recovery asked again, with the same key"


def test_service_killed_in_recovery_grants_once(database, platform):
    name = database.fresh()
    platform.faults(next=["lie"])
    for number, step in enumerate(STEPS[:2]):
        with running_service(database, CONFIG, name=name, expect_exit=None, program="challenge-service-with-faults",
                             GAUNTLET_FAULT=step, **real_rewards(platform)) as service:
            if number == 0:
                service.put_row("ann", "rung-1", "ladder", "completed", 1)
                claim_until_killed(service)
            else:
                assert service.process.wait(20) == -9, "recovery comes to the same steps"
            database.sql(name, "UPDATE reward_claim SET lease_until = timezone('utc', now())")
    with running_service(database, CONFIG, name=name, **real_rewards(platform)) as service:
        settled(service)
        assert service.row("ann", "rung-1")[1] == "claimed"
    assert len(platform.grants()) == 1


@pytest.mark.parametrize("step,decision,answer", [("claim.opened", "not-granted", 200), ("claim.asked", "granted", 409)])
def test_where_keys_are_not_honoured_a_person_decides_the_claim_of_a_killed_service(database, platform, step, decision, answer):
    name = database.fresh()
    platform.faults(honourKeys=False)
    variables = real_rewards(platform, REWARD_IDEMPOTENCY="false")
    with running_service(database, CONFIG, name=name, expect_exit=None, program="challenge-service-with-faults",
                         GAUNTLET_FAULT=step, **variables) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        claim_until_killed(service)
    with running_service(database, CONFIG, name=name, **variables) as service:
        settled(service)
        assert service.request("POST", CLAIM, None, "ann").status == 409, "nobody knows: not granted twice"
        ended, listed, said = claims(service, "list", "--json")
        assert ended == 0, said
        waiting, = json.loads(listed)
        assert (waiting["userId"], waiting["goalId"], waiting["reward"], waiting["state"]) == ("ann", "rung-1", "WALLET GEMS x5", "needs_review")
        ended, _, said = claims(service, "resolve", waiting["key"], decision, "--note", "seen at the platform")
        assert ended == 0, said
        assert service.row("ann", "rung-1")[1] == ("claimed" if decision == "granted" else "completed")
        assert service.request("POST", CLAIM, None, "ann").status == answer
        assert claims(service, "list")[1] == "no claims\n"
        assert claims(service, "resolve", waiting["key"], "retry")[0] != 0, "it is decided already"
        assert "seen at the platform" in service.sql(f"SELECT reason FROM reward_claim WHERE claim_key = '{waiting['key']}'")[0][0]
    assert len(platform.grants()) == 1


def test_where_keys_are_not_honoured_a_doubtful_grant_is_not_asked_for_again(database, platform):
    platform.faults(honourKeys=False, next=["lie"])
    with running_service(database, CONFIG, **real_rewards(platform, REWARD_IDEMPOTENCY="false")) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        assert service.request("POST", CLAIM, None, "ann").status == 500
        assert service.sql("SELECT state FROM reward_claim") == [["needs_review"]]
        give_up = time.monotonic() + 20
        while "challenge_claims_needing_review 1" not in service.metrics():
            assert time.monotonic() < give_up
            time.sleep(0.1)
    assert len(platform.grants()) == 1


@pytest.mark.parametrize("goal", ["rung-1", "rung-2"], ids=["wallet", "item"])
def test_kept_connection_that_breaks_behind_a_grant_gives_no_second_one(database, platform, goal):
    """The platform grants and closes the connection without a byte: an HTTP library may take that for a stale connection and send
    the grant again by itself."""
    platform.faults(honourKeys=False)
    with running_service(database, CONFIG, **real_rewards(platform, REWARD_IDEMPOTENCY="false")) as service:
        claim = CLAIM.replace("rung-1", goal)

        def finished(player):
            service.put_row(player, "rung-1", "ladder", "claimed" if goal == "rung-2" else "completed", 1)
            service.put_row(player, goal, "ladder", "completed", 2)

        for number in range(12):  # both threads have asked the platform before
            finished(f"warm-{number}")
            assert service.request("POST", claim, None, f"warm-{number}").status == 200
        for number in range(8):
            player = f"cut-{number}"
            finished(player)
            platform.faults(next=["cutGranted"])
            answer = service.request("POST", claim, None, player)
            assert answer.status == 500 and "it may have been given, an operator has to find out" in answer.json["message"]
            assert len(platform.grants(player)) == 1, player
            assert service.sql(f"SELECT state FROM reward_claim WHERE user_id = '{player}'") == [["needs_review"]]


def reward_failure(goal, retries, rest):
    return f"Failed to grant reward via Platform Service{retries} (goal_id: {goal}){rest}"


@pytest.mark.parametrize("keys", ["true", "false"])
def test_platform_that_is_busy_for_a_moment_costs_the_player_nothing(database, platform, keys):
    platform.faults(honourKeys=keys == "true", next=["busy", "429"])
    with running_service(database, CONFIG, **real_rewards(platform, REWARD_IDEMPOTENCY=keys)) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        assert service.request("POST", CLAIM, None, "ann").status == 200
        assert service.sql("SELECT state FROM reward_claim") == [["granted"]]
        granted, = [line for line in service.log.read_text().splitlines() if "reward granted" in line]
        key, = service.sql("SELECT claim_key FROM reward_claim")[0]
        for field in ("user=ann", "challenge=ladder", "goal=rung-1", "reward_type=WALLET", "reward_id=GEMS", "quantity=5", f"key={key}",
                      "attempts=3"):
            assert field in granted, granted
    assert len(platform.grants()) == 1


@pytest.mark.parametrize("trouble", ["busy", "away"])
def test_platform_that_stays_busy_or_away_leaves_nothing_to_decide(database, trouble):
    """Nothing can have been given: the claim ends, and the player claims again when the platform is back."""
    with running_platform() as platform, running_service(database, CONFIG, **real_rewards(platform, REWARD_IDEMPOTENCY="false")) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        if trouble == "busy":
            platform.faults(honourKeys=False, next=["busy"] * 4)
        else:
            platform.stop()
        answer = service.request("POST", CLAIM, None, "ann")
        assert answer.status == 500
        assert answer.json["message"] == reward_failure("rung-1", " after 3 retries", ": nothing was given, it can be claimed again")
        assert service.sql("SELECT state FROM reward_claim") == [["refused"]]
        assert claims(service, "list")[1] == "no claims\n"
        with contextlib.ExitStack() as until_the_end:
            if trouble == "away":
                platform = until_the_end.enter_context(running_platform("--port", platform.url.rsplit(":", 1)[1]))
            assert service.request("POST", CLAIM, None, "ann").status == 200
            assert len(platform.grants("ann")) == 1


def test_player_is_told_what_happened_to_the_claim(database, platform):
    platform.faults(honourKeys=False, next=["403", "503"])
    with running_service(database, CONFIG, **real_rewards(platform, REWARD_IDEMPOTENCY="false")) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        asked = [service.request("POST", CLAIM, None, "ann") for _ in range(3)]
        assert [answer.status for answer in asked] == [500, 500, 409]
        assert [answer.json["message"] for answer in asked] == [
            reward_failure("rung-1", "", ": nothing was given, it can be claimed again"),
            reward_failure("rung-1", "", ": it may have been given, an operator has to find out"),
            "Whether this reward was granted is not known; an operator has to find out (goal_id: rung-1)"]


def test_claim_that_a_person_sends_back_is_recovered_with_its_key(database, platform):
    platform.faults(next=["lie", "500", "500", "500", "403"])
    with running_service(database, CONFIG, **real_rewards(platform)) as service:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        assert service.request("POST", CLAIM, None, "ann").status == 500
        settled(service)
        waiting, = json.loads(claims(service, "list", "--json")[1])
        ended, printed, said = claims(service, "resolve", waiting["key"], "retry")
        assert ended == 0 and "uncertain" in printed, said
        settled(service)
        assert service.row("ann", "rung-1")[1] == "claimed"
    granted, = platform.grants()
    assert granted["key"] == waiting["key"]


def test_concurrent_claims_of_a_goal_do_not_wait_for_the_first(database, platform):
    platform.faults(latencyMs=[1500, 1500])
    with running_service(database, CONFIG, **real_rewards(platform)) as service, concurrent.futures.ThreadPoolExecutor(20) as threads:
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        answers = [threads.submit(service.request, "POST", CLAIM, None, "ann") for _ in range(20)]
        first_done = [answer.result().status for answer in concurrent.futures.as_completed(answers)]
        assert first_done == [409] * 19 + [200], "those that lose are told before the winner has its reward"


GOALS = 100


@pytest.fixture(scope="module")
def hundred_goals(tmp_path_factory):
    goals = [{"goalId": f"goal-{number}", "name": f"Goal {number}", "description": "", "eventSource": "statistic",
              "requirement": {"statCode": "stat", "operator": ">=", "targetValue": 1},
              "reward": {"type": "WALLET", "rewardId": "GEMS", "quantity": 1}, "prerequisites": []} for number in range(GOALS)]
    path = tmp_path_factory.mktemp("storm") / "challenges.json"
    path.write_text(json.dumps({"challenges": [{"challengeId": "storm", "name": "Storm", "description": "", "goals": goals}]}))
    return path


def storm(services, count):
    """`count` claims of the goals, 64 at once, spread over the services; the statuses. Where a service has died, the first one
    is asked, as a load balancer would."""
    order = [number % GOALS for number in range(count)]
    random.Random(7).shuffle(order)

    def one(numbered):
        index, goal = numbered
        path = f"/v1/challenges/storm/goals/goal-{goal}/claim"
        with contextlib.suppress(OSError):
            return services[index % len(services)].request("POST", path, None, "ann").status
        return services[0].request("POST", path, None, "ann").status

    with concurrent.futures.ThreadPoolExecutor(64) as threads:
        return list(threads.map(one, enumerate(order)))


def put_completed_goals(service):
    service.sql(f"""INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at, is_active)
                    SELECT 'ann', 'goal-' || n, 'storm', 'test', 1, 'completed', timezone('utc', now()), true
                    FROM generate_series(0, {GOALS - 1}) AS n""")


def claimed_goals(service):
    return {goal for goal, in service.sql("SELECT goal_id FROM user_goal_progress WHERE status = 'claimed'")}


def test_storm_of_claims_on_a_lying_platform_grants_what_is_claimed(database, platform, hundred_goals, claims_of_the_storm):
    """Two replicas, one of them killed in the middle; the platform fails, lies and cuts half of the requests."""
    name = database.fresh()
    platform.faults(latencyMs=[0, 20], fail=0.1, lie=0.2, cut=0.1, cutGranted=0.1)
    variables = real_rewards(platform)
    with running_service(database, hundred_goals, name=name, **variables) as staying:
        put_completed_goals(staying)
        with running_service(database, hundred_goals, name=name, expect_exit=None, program="challenge-service-with-faults",
                             GAUNTLET_FAULT="claim.asked@25", **variables) as dying:
            statuses = storm([staying, dying], claims_of_the_storm)
            assert dying.process.wait(20) == -9
        assert set(statuses) <= {200, 409, 500} and statuses.count(200) <= GOALS
        settled(staying, give_up_s=60)
        # What the platform refused for sure may be claimed again; what is granted may not.
        platform.faults(fail=0, lie=0, cut=0, cutGranted=0)
        assert set(storm([staying], GOALS)) <= {200, 409}
        assert len(claimed_goals(staying)) == GOALS
        by_goal = staying.sql("SELECT goal_id, claim_key FROM reward_claim WHERE state = 'granted'")
        print(f"{len(statuses)} claims: {({s: statuses.count(s) for s in sorted(set(statuses))})}; "
              f"{len(platform.grants())} grants, {sum(g['requests'] for g in platform.grants())} requests that granted, {len(by_goal)} claimed rows")
    grants = platform.grants()
    assert sorted(grant["key"] for grant in grants) == sorted(key for _, key in by_goal)
    assert len(grants) == len(by_goal) == GOALS


def test_storm_of_claims_where_keys_are_not_honoured_grants_at_most_once(database, platform, hundred_goals):
    platform.faults(honourKeys=False, latencyMs=[0, 20], fail=0.1, lie=0.2, cut=0.1, cutGranted=0.1)
    with running_service(database, hundred_goals, **real_rewards(platform, REWARD_IDEMPOTENCY="false")) as service:
        put_completed_goals(service)
        assert set(storm([service], 400)) <= {200, 409, 500}
        settled(service)
        waiting = int(service.sql("SELECT count(*) FROM reward_claim WHERE state = 'needs_review'")[0][0])
        claimed = len(claimed_goals(service))
    assert claimed + waiting == GOALS
    assert claimed <= len(platform.grants()) <= GOALS, "a grant behind a failure is not repeated: a person decides"
