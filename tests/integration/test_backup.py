"""The restore drill of docs/OPERATIONS.md: a backup taken under load, everything lost, the backup restored, the services go on."""
import os
import shutil
import subprocess

import grpc
import pytest
from google.protobuf import empty_pb2

from test_end_to_end import ROOT, Stack, login_goals, login_progress
from test_event_interop import LOGIN, messages  # noqa: F401, a fixture


@pytest.fixture
def stack():
    stack = Stack()
    yield stack
    stack.gauntlet("down")
    shutil.rmtree(stack.project, ignore_errors=True)


def section_commands():
    """The commands of the section, in their order, as a person would type them."""
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    section = text.split("## Backup and restore\n")[1].split("\n## ")[0]
    return [line.strip() for line in section.splitlines() if line.startswith("    ")]


def test_a_backup_taken_under_load_brings_everything_acknowledged_before_it_back(stack, messages):  # noqa: F811
    account, _ = messages
    stack.gauntlet("reset", "--completed", "0")
    player = stack.sql("SELECT min(user_id) FROM user_goal_progress")
    goals = login_goals(stack)

    def login(number):
        with grpc.insecure_channel(stack.env["EVENT_HANDLER_ADDR"]) as channel:
            call = channel.unary_unary(LOGIN, lambda message: message.SerializeToString(), empty_pb2.Empty.FromString)
            call(account.UserLoggedIn(id=f"drill-{number}", user_id=player, namespace="test"), timeout=30, wait_for_ready=True)

    def type_in(command):
        environment = {"PATH": f"{ROOT / 'build/release/bin'}:/usr/bin:/bin", "GAUNTLET_PROJECT": str(stack.project),
                       "GAUNTLET_STATE_DIR": str(stack.project / "state"), "HOME": os.environ["HOME"], **stack.env}
        done = subprocess.run(["bash", "-c", command], cwd=stack.project, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    for number in range(20):
        login(number)
    before = login_progress(stack, goals)
    backup, *restore = section_commands()
    load = stack.start("scenario3_combined.js", TARGET_RPS="50", TARGET_EPS="500", DURATION="8s")
    try:
        type_in(backup)
        load.communicate(timeout=60)
    finally:
        load.kill()
    assert load.returncode == 0, "the backup disturbs nobody"
    login(20)

    stack.gauntlet("down", "--wipe")
    stack.up()
    assert stack.sql("SELECT count(*) FROM user_goal_progress") == "0", "everything is lost"
    for command in restore:
        type_in(command)

    assert login_progress(stack, goals) >= before, "what was acknowledged before the backup is there"
    restored = int(stack.sql(f"SELECT sum(progress) FROM user_goal_progress WHERE user_id = '{player}' AND goal_id IN ('" + "','".join(goals) + "')"))
    for number in range(21):  # the platform delivers all of them again
        login(number)
    moved = int(stack.sql(f"SELECT sum(progress) FROM user_goal_progress WHERE user_id = '{player}' AND goal_id IN ('" + "','".join(goals) + "')"))
    assert moved - restored == len(goals), "those before the backup are known, the one after it counts now"
    code, output = stack.run("scenario3_combined.js", TARGET_RPS="20", TARGET_EPS="100", DURATION="3s")
    assert code == 0, output
