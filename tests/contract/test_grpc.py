"""gRPC: the same use cases as REST, over proto/service.proto, asked by Python's grpcio."""
import subprocess
import sys

import grpc
import pytest
from google.protobuf import json_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import proto_reflection_descriptor_database

from service_under_test import ROOT


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """The module protoc makes of proto/service.proto."""
    folder = tmp_path_factory.mktemp("stubs")
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto", f"--python_out={folder}", "service.proto"],
                   check=True)
    sys.path.insert(0, str(folder))
    import service_pb2
    return service_pb2


@pytest.fixture(scope="module")
def channel(service):
    if not service.grpc:
        pytest.skip("no gRPC address given")
    with grpc.insecure_channel(service.grpc) as made:
        yield made


@pytest.fixture
def call(channel, messages):
    types = {"GetUserChallenges": ("GetChallengesRequest", "GetChallengesResponse"),
             "InitializePlayer": ("InitializeRequest", "InitializeResponse"),
             "SetGoalActive": ("SetGoalActiveRequest", "SetGoalActiveResponse"),
             "ClaimGoalReward": ("ClaimRewardRequest", "ClaimRewardResponse"),
             "BatchSelectGoals": ("BatchSelectRequest", "GoalSelectionResponse"),
             "RandomSelectGoals": ("RandomSelectRequest", "GoalSelectionResponse"),
             "GetRotationStatus": ("GetRotationStatusRequest", "GetRotationStatusResponse"),
             "HealthCheck": ("HealthCheckRequest", "HealthCheckResponse")}

    def ask(method, player=None, **fields):
        request_type, response_type = types[method]
        unary = channel.unary_unary(f"/service.Service/{method}",
                                    request_serializer=lambda message: message.SerializeToString(),
                                    response_deserializer=getattr(messages, response_type).FromString)
        metadata = [("x-mock-user-id", player)] if player else []
        return unary(getattr(messages, request_type)(**fields), metadata=metadata, timeout=15)

    return ask


def test_list_says_what_rest_says(call, service, player):
    call("InitializePlayer", player)
    for active_only in (False, True):
        message = as_dict(call("GetUserChallenges", player, active_only=active_only))
        rest = service.request("GET", f"/v1/challenges?active_only={str(active_only).lower()}", user=player).json
        for challenge in message["challenges"] + rest["challenges"]:
            for goal in challenge["goals"]:
                goal["expiresInSeconds"] = 0  # it counts down between the two answers
        assert message == rest


def as_dict(message):
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def test_initialize_activate_select_and_rotation_answer(call, player):
    initialized = call("InitializePlayer", player)
    assert (initialized.new_assignments, initialized.total_active, len(initialized.assigned_goals)) == (3, 3, 3)
    activated = call("SetGoalActive", player, challenge_id="ladder", goal_id="rung-3", is_active=True)
    assert (activated.goal_id, activated.is_active, activated.message) == ("rung-3", True, "Goal activated successfully")
    selected = call("BatchSelectGoals", player, challenge_id="ladder", goal_ids=["rung-2", "rung-1"], replace_existing=True)
    assert [goal.goal_id for goal in selected.selected_goals] == ["rung-2", "rung-1"]
    assert list(selected.replaced_goals) == ["rung-1", "rung-2", "rung-3"] and selected.total_active_goals == 2
    drawn = call("RandomSelectGoals", player, challenge_id="rounds", count=2)
    assert len(drawn.selected_goals) == 2
    status = call("GetRotationStatus", player, challenge_id="rounds")
    assert status.rotation.enabled and status.rotation.schedule == "daily" and status.rotation.current_period.end_time
    assert not call("GetRotationStatus", player, challenge_id="ladder").rotation.enabled


def test_claim_gives_the_reward_once(call, own_rows, player):
    own_rows.put_row(player, "rung-1", "ladder", "completed", 1)
    receipt = call("ClaimGoalReward", player, challenge_id="ladder", goal_id="rung-1")
    assert (receipt.goal_id, receipt.status, receipt.reward.reward_id, receipt.reward.quantity) == ("rung-1", "claimed", "GEMS", 5)
    with pytest.raises(grpc.RpcError) as refusal:
        call("ClaimGoalReward", player, challenge_id="ladder", goal_id="rung-1")
    assert refusal.value.code().name == "ALREADY_EXISTS"
    assert refusal.value.details() == f"Reward has already been claimed (goal_id: rung-1, claimed_at: {receipt.claimed_at})"


def test_player_without_metadata_is_the_default_one(call):
    assert as_dict(call("GetUserChallenges", active_only=True)) == as_dict(call("GetUserChallenges", "test-user-id", active_only=True))


@pytest.mark.parametrize("name", ["", "service.Service"])
def test_health_service_says_serving(channel, name):
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_services(channel):
    services = proto_reflection_descriptor_database.ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"grpc.health.v1.Health", "service.Service"} <= set(services)


def test_reflection_names_fields_as_json_does(channel):
    """What grpcurl prints keys by."""
    database = proto_reflection_descriptor_database.ProtoReflectionDescriptorDatabase(channel)
    file = database.FindFileContainingSymbol("service.Service")
    names = {field.name: field.json_name for message in file.message_type for field in message.field}
    assert names["challenge_id"] == "challengeId" and all(names.values()), names


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"\x0a\x05ab"], ids=["no message", "cut short"])
def test_message_that_is_none_is_told_which_one_is_taken(channel, messages, garbage):
    for method in messages.DESCRIPTOR.services_by_name["Service"].methods:
        with pytest.raises(grpc.RpcError) as refusal:
            channel.unary_unary(f"/service.Service/{method.name}")(garbage, timeout=15)
        assert refusal.value.code().name == "INVALID_ARGUMENT", method.name
        assert refusal.value.details() == f"the request is not a {method.input_type.full_name}"


@pytest.mark.parametrize("path", ["/service.Service/Nope", "/service.Service/", "/service.Service/getuserchallenges", "/x.Y/GetUserChallenges"])
def test_method_that_the_proto_does_not_have_is_unimplemented(channel, path):
    with pytest.raises(grpc.RpcError) as refusal:
        channel.unary_unary(path)(b"", timeout=15)
    assert (refusal.value.code().name, refusal.value.details()) == ("UNIMPLEMENTED", f"unknown method {path}")
