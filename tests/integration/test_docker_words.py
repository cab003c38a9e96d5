"""The native stack's words on containers, with a `docker` that only keeps a list of them (tests/containers has a real one)."""
import json
import os
import shutil
import subprocess

import pytest

from test_stack import BAD_INPUT, MISSING_PART, NAMES, NOT_HEALTHY, NOT_UP, Project

# A container is a file with its health. What it was asked to do is in calls.
DOCKER = r"""#!/bin/bash
state=$(dirname "$0")
case "$1 $2" in
  "compose version") [[ -e $state/plugin ]] && exit 0; echo "docker: 'compose' is not a docker command."; exit 1 ;;
  "container ls") ls "$state/containers" ;;
  "inspect --format")
    shift 3
    for name; do echo "/$name running $(cat "$state/containers/$name") $$ 0 2026-11-30T20:00:00.5Z 8080/tcp 18080"; done ;;
  "logs "*) echo "$*" >>"$state/calls"; echo "log of ${*: -1}" ;;
  *) shift; exec "$state/docker-compose" "$@" ;;
esac
"""
COMPOSE = r"""#!/bin/bash
state=$(dirname "$0")
echo "$(pwd -P) SERVICE_CONFIG=$SERVICE_CONFIG EVENT_HANDLER_CONFIG=$EVENT_HANDLER_CONFIG $*" >>"$state/calls"
case $1 in
  up) for name in challenge-postgres challenge-redis challenge-service challenge-event-handler; do cat "$state/health" >"$state/containers/$name"; done ;;
  down) rm -f "$state"/containers/* ;;
esac
"""


class Containers(Project):
    def __init__(self):
        super().__init__("gauntlet-docker-")
        self.bin = self.root / "bin"
        (self.bin / "containers").mkdir(parents=True)
        self.health("healthy")
        for name, text in (("docker", DOCKER), ("docker-compose", COMPOSE)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)

    def health(self, word):
        (self.bin / "health").write_text(word)

    def calls(self):
        """Since the last time."""
        file = self.bin / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    def call(self, *arguments, stack="docker"):
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "STACK": stack}
        return subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=environment)

    def remove(self):
        shutil.rmtree(self.root)


@pytest.fixture
def containers():
    made = Containers()
    yield made
    made.remove()


def test_up_starts_what_the_compose_file_has_and_waits_until_all_is_healthy(containers):
    said = containers.run("up")
    assert [line for line in said.splitlines() if line.endswith("Up (healthy)")] == [f"{name:<24}Up (healthy)" for name in NAMES]
    root, config = containers.root.resolve(), containers.root / "config"
    assert containers.calls() == [f"{root} SERVICE_CONFIG={config} EVENT_HANDLER_CONFIG={config} up --build --detach"]
    assert (containers.root / ".env").read_text() == (containers.root / ".env.example").read_text()


@pytest.mark.parametrize("words", [["--docker", "ps"], ["ps", "--docker"]])
def test_the_flag_is_the_variable(containers, words):
    assert containers.call("ps", stack="").returncode == NOT_UP
    containers.run("up")
    done = containers.call(*words, stack="")
    assert done.returncode == 0 and done.stdout.count("Up (healthy)") == 4, done.stdout + done.stderr


def test_docker_composes_plugin_is_taken_where_it_is(containers):
    (containers.bin / "plugin").touch()
    (containers.bin / "docker-compose").rename(containers.bin / "compose")
    (containers.bin / "docker").write_text(DOCKER.replace("$state/docker-compose", "$state/compose"))
    containers.run("up")
    assert containers.calls()[0].endswith(" up --build --detach")


def test_ps_has_pids_ports_and_those_without_a_container(containers):
    done = containers.call("ps")
    assert done.returncode == NOT_UP and done.stdout.count("Down") == 4 and "challenge-redis: it has no container" in done.stdout
    containers.run("up")
    (containers.bin / "containers/challenge-redis").unlink()
    (containers.bin / "containers/challenge-service").write_text("unhealthy")
    done = containers.call("ps", "--json")
    parts = {part["name"]: part for part in json.loads(done.stdout)["components"]}
    assert done.returncode == NOT_HEALTHY
    assert [parts[name]["status"] for name in NAMES] == ["Up (healthy)", "Down", "Up (unhealthy)", "Up (healthy)"]
    assert parts["challenge-service"]["pid"] > 0 and "18080" in json.dumps(parts["challenge-service"]["ports"])


def test_restart_makes_both_services_anew_with_the_challenges_that_the_guide_has_copied(containers):
    containers.run("up")
    copied = containers.root / "extend-challenge-service/config"
    copied.mkdir(parents=True)
    shutil.copy(containers.root / "config/challenges.json", copied)
    containers.calls()
    containers.run("restart")
    containers.run("restart", "challenge-postgres")
    services, postgres = containers.calls()
    assert f"SERVICE_CONFIG={copied} EVENT_HANDLER_CONFIG={containers.root / 'config'} " in services
    assert services.endswith(" up --detach --force-recreate --no-deps challenge-event-handler challenge-service")
    assert postgres.endswith(" --no-deps postgres")


def test_logs_are_dockers(containers):
    containers.run("up")
    containers.calls()
    assert containers.run("logs", "--tail", "5", "challenge-redis") == "log of challenge-redis\n"
    assert containers.calls() == ["logs --tail=5 challenge-redis"]
    assert "no supervisor's log" in containers.call("logs", "supervisor").stderr


def test_down_keeps_the_database_unless_wiped(containers):
    containers.run("up")
    containers.calls()
    containers.run("down")
    containers.run("down", "--wipe")
    kept, wiped = containers.calls()
    assert kept.endswith(" down") and wiped.endswith(" down --volumes")


def test_what_does_not_become_healthy_is_named_with_the_end_of_its_log(containers):
    containers.health("starting")
    done = containers.call("up", "--timeout", "1")
    assert done.returncode == NOT_HEALTHY
    assert "challenge-postgres is not healthy after 1 s: docker says running, starting\nlog of challenge-postgres" in done.stderr


def test_docker_that_is_missing_is_said_with_what_installs_it(containers):
    for name in ("docker", "docker-compose"):
        (containers.bin / name).unlink()
    done = subprocess.run(containers.command("up", "--docker"), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": str(containers.bin)})
    assert done.returncode == MISSING_PART and "docker-compose is not installed: scripts/install-deps --containers" in done.stderr, done.stderr


def test_commands_of_the_native_stack_alone_say_so(containers):
    for words in (["status"], ["env"], ["demo"]):
        done = containers.call(*words)
        assert done.returncode == BAD_INPUT and "native stack alone" in done.stderr, (words, done.stderr)


def test_doctor_says_that_the_containers_are_down(containers):
    assert "the containers are down" in containers.call("doctor").stdout
