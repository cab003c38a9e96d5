"""challenge-event-handler as strangers' clients see it: Python's grpcio, a client written with grpc++, and grpcurl where it is
installed. (Real k6 sends scenario 2 in test_end_to_end.py.)"""
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

import grpc
import pytest
from google.protobuf import empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from test_end_to_end import ROOT, Stack, login_goals, login_progress

LOGIN = "/accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage"
STATISTIC = "/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage"
PROTOS = ROOT / "proto" / "accelbyte-asyncapi"


@pytest.fixture(scope="module")
def stack():
    stack = Stack()
    stack.gauntlet("up", "--auto-ports", "--env", "LOG_LEVEL=debug")
    stack.gauntlet("reset", "--completed", "0")
    yield stack
    stack.gauntlet("down")
    shutil.rmtree(stack.project, ignore_errors=True)


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """UserLoggedIn and StatItemUpdated, as protoc makes them."""
    folder = tmp_path_factory.mktemp("stubs")
    files = ["iam/account/v1/account.proto", "social/statistic/v1/statistic.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"--python_out={folder}", *files], check=True)
    sys.path.insert(0, str(folder))
    from iam.account.v1 import account_pb2
    from social.statistic.v1 import statistic_pb2
    return account_pb2, statistic_pb2


@pytest.fixture
def channel(stack):
    with grpc.insecure_channel(stack.env["EVENT_HANDLER_ADDR"]) as made:
        yield made


@pytest.fixture
def player(stack):
    """A seeded player with nothing done yet."""
    return stack.sql("SELECT user_id FROM user_goal_progress GROUP BY user_id HAVING sum(progress) = 0 ORDER BY user_id LIMIT 1")


def caller(channel, method):
    """Takes a message, or bytes that are none."""
    return channel.unary_unary(method, lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
                               empty_pb2.Empty.FromString)


def code_of(call, message):
    with pytest.raises(grpc.RpcError) as raised:
        call(message, timeout=30)
    return raised.value.code(), raised.value.details()


def metric(stack, name):
    """Sum of a metric's samples whose line begins with `name`."""
    with urllib.request.urlopen(stack.env["EVENT_HANDLER_METRICS_URL"] + "/metrics") as answer:
        return sum(float(line.split()[-1]) for line in answer.read().decode().splitlines() if line.startswith(name))


def test_five_hundred_calls_at_once_on_one_connection_count_once_each(stack, channel, messages, player):
    account, _ = messages
    goals = login_goals(stack)
    before = login_progress(stack, goals)
    call = caller(channel, LOGIN)
    for _ in range(2):  # the second time redelivered
        futures = [call.future(account.UserLoggedIn(id=f"interop-{i}", user_id=player, namespace="test"), timeout=60) for i in range(500)]
        assert all(future.result() == empty_pb2.Empty() for future in futures)
    assert login_progress(stack, goals) - before == 500 * len(goals)
    assert metric(stack, "challenge_events_redelivered_total") >= 500


@pytest.mark.parametrize("connections, in_flight, events", [(1, 500, 5000), (3000, 1, 6000)])
def test_a_client_written_with_grpcpp_has_each_event_counted_once(stack, connections, in_flight, events):
    goals = login_goals(stack)
    users = stack.sql("SELECT DISTINCT user_id FROM user_goal_progress ORDER BY user_id LIMIT 100").split()
    before = login_progress(stack, goals)
    command = [ROOT / "build/release/bin/grpcpp-client", stack.env["EVENT_HANDLER_ADDR"], f"grpcpp-{connections}", connections, in_flight, events, *users]
    for _ in range(2):  # the second time redelivered
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
        assert (done.stdout, done.returncode) == (f"OK {events}\n", 0), done.stderr
    assert login_progress(stack, goals) - before == events * len(goals)


def test_bad_messages_are_refused_in_the_words_of_the_contract_and_counted(stack, channel, messages):
    account, statistic = messages
    refused = metric(stack, 'challenge_events_total{event_type="login",outcome="invalid"')
    assert code_of(caller(channel, LOGIN), b"\xff\xff\xff\xff")[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert code_of(caller(channel, LOGIN), account.UserLoggedIn(namespace="test")) == (grpc.StatusCode.INVALID_ARGUMENT, "userId cannot be empty")
    assert metric(stack, 'challenge_events_total{event_type="login",outcome="invalid"') == refused + 2
    for reason in ("userId cannot be empty", "the message is not a UserLoggedIn"):
        assert metric(stack, f'challenge_events_invalid_total{{event_type="login",reason="{reason}"') == 1
    without_payload = statistic.StatItemUpdated(user_id="u", namespace="test")
    assert code_of(caller(channel, STATISTIC), without_payload) == (grpc.StatusCode.INVALID_ARGUMENT, "payload cannot be nil")
    assert code_of(caller(channel, LOGIN), b"\0" * (5 << 20))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert code_of(caller(channel, LOGIN.replace("OnMessage", "OnNothing")), b"")[0] == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0, 1.7e308])
def test_values_out_of_this_world_are_answered_ok_and_break_nothing(stack, channel, messages, player, value):
    _, statistic = messages
    event = statistic.StatItemUpdated(id=f"value-{value}", user_id=player, namespace="test")
    event.payload.stat_code, event.payload.latest_value, event.payload.inc = "wins", value, 1
    assert caller(channel, STATISTIC)(event, timeout=30) == empty_pb2.Empty()
    assert int(stack.sql(f"SELECT min(progress) FROM user_goal_progress WHERE user_id = '{player}'")) >= 0


def test_an_expired_call_is_not_answered_and_its_event_counts_once(stack, channel, messages, player):
    account, _ = messages
    goals = login_goals(stack)
    before = login_progress(stack, goals)
    event = account.UserLoggedIn(id="expires", user_id=player, namespace="test")
    lock = subprocess.Popen(["psql", "-XAtq"], env={"PATH": "/usr/bin:/bin", **stack.env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        lock.stdin.write("BEGIN; LOCK TABLE user_goal_progress; SELECT 'locked';\n")
        lock.stdin.flush()
        assert lock.stdout.readline() == "locked\n"
        with pytest.raises(grpc.RpcError) as raised:
            caller(channel, LOGIN)(event, timeout=0.5)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    finally:
        lock.communicate("COMMIT;\n", timeout=30)
    caller(channel, LOGIN)(event, timeout=60)
    assert login_progress(stack, goals) - before == len(goals)


def test_an_event_is_followed_to_its_commit_by_its_trace(stack, channel, messages, player):
    account, _ = messages
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = account.UserLoggedIn(id="traced", user_id=player, namespace="test")
    caller(channel, LOGIN)(event, metadata=[("traceparent", trace)], timeout=60)

    def lines():
        logs = (pathlib.Path(stack.project) / "state" / "logs").glob("challenge-event-handler*")
        return [line for log in logs for line in log.read_text().splitlines() if trace in line]
    until = time.monotonic() + 30
    while time.monotonic() < until and len(lines()) < 2:
        time.sleep(0.05)
    taken, committed = lines()
    assert "event taken" in taken and "event committed" in committed


def test_the_time_until_an_event_is_visible_is_measured_from_its_own_time_and_from_its_arrival(stack, channel, messages, player):
    account, _ = messages
    before = {since: metric(stack, f'challenge_event_visible_seconds_count{{since="{since}"') for since in ("event", "arrival")}
    own = metric(stack, 'challenge_event_visible_seconds_sum{since="event"')
    an_hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    caller(channel, LOGIN)(account.UserLoggedIn(id="hour-old", user_id=player, namespace="test", timestamp=an_hour_ago), timeout=60)
    for since, count in before.items():
        assert metric(stack, f'challenge_event_visible_seconds_count{{since="{since}"') == count + 1
    assert metric(stack, 'challenge_event_visible_seconds_sum{since="event"') - own >= 3599


@pytest.mark.parametrize("service", ["", LOGIN.split("/")[1], STATISTIC.split("/")[1]])
def test_health_says_serving(channel, service):
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def grpcurl(*arguments):
    done = subprocess.run(["grpcurl", "-plaintext", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")
def test_grpcurl_lists_describes_and_delivers_by_reflection(stack, player):
    address = stack.env["EVENT_HANDLER_ADDR"]
    services = grpcurl(address, "list").split()
    assert LOGIN.split("/")[1] in services and STATISTIC.split("/")[1] in services
    assert "rpc OnMessage" in grpcurl(address, "describe", STATISTIC.split("/")[1])
    event = json.dumps({"id": "by-grpcurl", "userId": player, "namespace": "test"})
    assert json.loads(grpcurl("-d", event, address, LOGIN[1:])) == {}
