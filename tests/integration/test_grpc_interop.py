"""base's gRPC server as strangers see it: Python's grpcio (C core), and k6's client (grpc-go)."""
import subprocess
import sys
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import proto_reflection_descriptor_database

from given_k6 import given_k6
from interop_server import ROOT, interop_server

CLAIM = "/service.Service/ClaimGoalReward"


@pytest.fixture(scope="module")
def server():
    with interop_server() as running:
        yield running


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """The module protoc makes of proto/service.proto."""
    folder = tmp_path_factory.mktemp("stubs")
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto", f"--python_out={folder}", "service.proto"],
                   check=True)
    sys.path.insert(0, str(folder))
    import service_pb2
    return service_pb2


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address) as made:
        yield made


@pytest.fixture
def claim(channel, messages):
    call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString,
                               messages.ClaimRewardResponse.FromString)
    return lambda challenge="", goal="", **options: call(
        messages.ClaimRewardRequest(challenge_id=challenge, goal_id=goal), **options)


def code_of(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **options)
    return raised.value.code()


def test_a_unary_call_brings_back_message_and_metadata(claim):
    answer = claim(goal="goal-7", metadata=[("x-mock-user-id", "user-000001")], timeout=5)
    assert (answer.goal_id, answer.status) == ("goal-7", "user-000001")


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK], ids=lambda c: c.name)
def test_every_status_code_arrives_with_its_message(claim, code):
    with pytest.raises(grpc.RpcError) as raised:
        claim("fail", str(code.value[0]), timeout=5)
    assert raised.value.code() is code
    assert raised.value.details() == "as asked: 100 % gültig"


def test_an_unknown_method_and_an_unknown_service_are_unimplemented(channel):
    for path in ("/service.Service/NoSuchMethod", "/no.such.Service/Check"):
        call = channel.unary_unary(path)
        assert code_of(call, b"", timeout=5) is grpc.StatusCode.UNIMPLEMENTED


def test_bytes_that_are_not_the_message_are_an_invalid_argument(channel):
    call = channel.unary_unary(CLAIM)
    assert code_of(call, b"\xff\xff\xff", timeout=5) is grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_of_four_mebibytes_passes_and_a_larger_one_is_refused(channel, messages):
    call = channel.unary_unary(CLAIM, response_deserializer=messages.ClaimRewardResponse.FromString)
    limit = 4 * 1024 * 1024
    overhead = len(messages.ClaimRewardRequest(challenge_id="x" * (limit - 10)).SerializeToString()) - (limit - 10)
    whole = messages.ClaimRewardRequest(challenge_id="x" * (limit - overhead)).SerializeToString()
    assert len(whole) == limit
    call(whole, timeout=20)
    assert code_of(call, whole + b"\x1a\x00", timeout=20) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_gzip_requests_are_read_and_unknown_encodings_are_unimplemented(server, messages):
    with grpc.insecure_channel(server.address, compression=grpc.Compression.Gzip) as channel:
        call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString,
                                   messages.ClaimRewardResponse.FromString)
        assert call(messages.ClaimRewardRequest(goal_id="g" * 5000), timeout=5).goal_id == "g" * 5000
    with grpc.insecure_channel(server.address, compression=grpc.Compression.Deflate) as channel:
        call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString)
        assert code_of(call, messages.ClaimRewardRequest(goal_id="g" * 5000), timeout=5) is grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_ends_the_call_and_the_connection_serves_on(claim):
    assert code_of(claim, "later", "60000", timeout=0.2) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert claim(goal="next", timeout=5).goal_id == "next"


def test_a_cancelled_call_leaves_the_others_alone(claim, channel, messages):
    call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString,
                               messages.ClaimRewardResponse.FromString)
    waiting = [call.future(messages.ClaimRewardRequest(challenge_id="later", goal_id="300"), timeout=10) for _ in range(50)]
    time.sleep(0.05)
    for future in waiting[::2]:
        future.cancel()
    assert all(future.result().goal_id == "300" for future in waiting[1::2])


def test_a_thousand_calls_run_at_once_on_one_connection(channel, messages):
    call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString,
                               messages.ClaimRewardResponse.FromString)
    futures = [call.future(messages.ClaimRewardRequest(challenge_id="later", goal_id="100"), timeout=30) for _ in range(1000)]
    assert all(future.result().goal_id == "100" for future in futures)


def test_keepalive_pings_are_answered(server, messages):
    options = [("grpc.keepalive_time_ms", 100), ("grpc.keepalive_timeout_ms", 2000),
               ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0)]
    with grpc.insecure_channel(server.address, options=options) as channel:
        call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString,
                                   messages.ClaimRewardResponse.FromString)
        assert call(messages.ClaimRewardRequest(challenge_id="later", goal_id="1000"), timeout=10).goal_id == "1000"


def test_health_checks_and_watches(channel):
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest(service="service.Service"), timeout=5).status == 1
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 1
    assert code_of(health.Check, health_pb2.HealthCheckRequest(service="no.such"), timeout=5) is grpc.StatusCode.NOT_FOUND
    watch = health.Watch(health_pb2.HealthCheckRequest(service="service.Service"), timeout=10)
    assert next(watch).status == 1
    watch.cancel()


def test_reflection_describes_the_services(channel):
    database = proto_reflection_descriptor_database.ProtoReflectionDescriptorDatabase(channel)
    assert {"service.Service", "grpc.health.v1.Health"} <= set(database.get_services())
    file = database.FindFileContainingSymbol("service.Service")
    assert [m.name for s in file.service for m in s.method].count("ClaimGoalReward") == 1
    with pytest.raises(KeyError):
        database.FindFileContainingSymbol("no.such.Thing")


def test_shutdown_tells_watchers_finishes_calls_and_refuses_nothing_early(messages):
    with interop_server() as leaving, grpc.insecure_channel(leaving.address) as channel:
        statuses = []
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="service.Service"))
        statuses.append(next(watch).status)
        call = channel.unary_unary(CLAIM, messages.ClaimRewardRequest.SerializeToString,
                                   messages.ClaimRewardResponse.FromString)
        in_flight = call.future(messages.ClaimRewardRequest(challenge_id="later", goal_id="500"), timeout=10)
        time.sleep(0.1)
        leaving.process.stdin.close()
        statuses.append(next(watch).status)
        assert in_flight.result().goal_id == "500"
        watch.cancel()
        assert statuses == [1, 2]
        assert leaving.process.wait(10) == 0


def test_calls_are_counted_by_method_and_code(server, claim):
    import urllib.request

    def handled(code):
        text = urllib.request.urlopen(server.admin_url + "/metrics").read().decode()
        wanted = f'grpc_server_handled_total{{grpc_type="unary",grpc_service="service.Service",grpc_method="ClaimGoalReward",grpc_code="{code}"}}'
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(wanted))

    before = handled("OK"), handled("NotFound")
    claim(goal="x", timeout=5)
    code_of(claim, "fail", "5", timeout=5)
    assert (handled("OK") - before[0], handled("NotFound") - before[1]) == (1, 1)


K6_SCRIPT = """
import grpc from 'k6/net/grpc';
import { check } from 'k6';
const client = new grpc.Client();
client.load(['%s'], 'service.proto');
export const options = { vus: 20, iterations: 2000, thresholds: { checks: ['rate==1'] } };
export default function () {
  if (__ITER == 0) client.connect('%s', { plaintext: true });
  const ok = client.invoke('service.Service/ClaimGoalReward', { goalId: 'goal-' + __VU },
                           { metadata: { 'x-mock-user-id': 'user-' + __ITER } });
  check(ok, { 'status is OK': (r) => r.status === grpc.StatusOK,
              'answer is ours': (r) => r.message.goalId === 'goal-' + __VU && r.message.status === 'user-' + __ITER });
  const bad = client.invoke('service.Service/ClaimGoalReward', { challengeId: 'fail', goalId: '5' });
  check(bad, { 'error has code and text': (r) => r.status === grpc.StatusNotFound && r.error.message.includes('gültig') });
}
"""


def test_k6_calls_and_reflects(server, tmp_path):
    k6 = given_k6()
    if k6 is None:
        pytest.skip("K6 names no k6")
    script = tmp_path / "calls.js"
    script.write_text(K6_SCRIPT % (ROOT / "proto", server.address))
    ran = subprocess.run([k6, "run", "-a", "", "--quiet", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    script.write_text("""
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
export default function () {
  client.connect('%s', { plaintext: true, reflect: true });
  if (client.invoke('service.Service/HealthCheck', {}).message.status !== 'healthy') throw new Error('not healthy');
}
""" % server.address)
    ran = subprocess.run([k6, "run", "-a", "", "--quiet", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and "level=error" not in ran.stderr, ran.stdout + ran.stderr
