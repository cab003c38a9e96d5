"""Agents that call their leader: `gauntlet run --listen HOST:PORT --expect N` and `gauntlet agent --join HOST:PORT`."""
import json
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from test_engine_fleet import GAUNTLET, SUM, WHOLE, LOOP, run
from test_stack import wait_for

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def started():
    """Ends what a test has started and not waited for."""
    processes = []
    yield processes
    for process in processes:
        process.kill()
        process.wait(5)


@pytest.fixture
def join(tmp_path, started):
    """Agents that call a leader: join(HOST:PORT, token) starts one."""
    def start(address, token, *flags):
        environment = {"PATH": os.environ["PATH"], "GAUNTLET_FLEET_TOKEN": token}
        agent = subprocess.Popen([GAUNTLET, "agent", "--join", address, *flags], cwd=tmp_path, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(agent)
        return agent

    return start


@pytest.fixture
def lead(tmp_path, started):
    """A leader that listens, and what it says: (process, the path of its log)."""
    def start(script, *flags):
        (tmp_path / "script.js").write_text(script)
        log = tmp_path / "log"
        with log.open("w") as output:
            leader = subprocess.Popen([GAUNTLET, "run", "-q", "--no-color", "--out", "json=r.json", *flags, "script.js"], cwd=tmp_path,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output)
        started.append(leader)
        return leader, log

    return start


def threads_of(process):
    return [(task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir()]


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_who_knows_the_token_takes_part_and_nobody_else(tmp_path, join, lead):
    """An agent may be there before its leader; who does not know the token is told so, and disturbs nobody; nor does a stranger; one
    that comes when all are there finds nobody who listens."""
    address = free_address()
    host, port = address.split(":")
    (tmp_path / "token").write_text(TOKEN + "\n")
    agents = [join(address, TOKEN)]
    leader, log = lead(WHOLE, "--listen", address, "--expect", "2", "--token-file", "token")
    assert wait_for(lambda: socket.socket().connect_ex((host, int(port))) == 0, 20), log.read_text()
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        for token in (TOKEN[::-1], ""):
            wrong = join(address, token)
            assert wrong.wait(30) != 0 and "does not know this agent's token" in wrong.stderr.read()
    agents.append(join(address, TOKEN))
    assert leader.wait(60) == 0, log.read_text()
    results = json.loads((tmp_path / "r.json").read_text())
    assert results["metrics"]["sum_of_numbers"]["values"]["count"] == SUM
    assert sorted(agent["name"] for agent in results["agents"]) == ["joined 1", "joined 2"]
    for agent in agents:
        assert agent.wait(20) == 0, agent.stderr.read()
    late = join(address, TOKEN, "--patience", "0")
    assert late.wait(20) != 0 and f"no leader at {address}" in late.stderr.read()


def test_an_agent_that_goes_is_lost_and_the_others_end_with_the_test(join, lead):
    address = free_address()
    leader, log = lead(LOOP, "--listen", address, "--expect", "2")
    agents = [join(address, ""), join(address, "")]  # nobody else reaches a loopback address: it needs no token
    assert wait_for(lambda: log.read_text().count("looping") > 3, 30), log.read_text()
    agents[0].kill()
    assert leader.wait(40) == 112
    assert "50 % of the load with it" in log.read_text()
    assert agents[1].wait(20) is not None


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_an_agent_does_not_outlive_its_leader(join, lead, fault):
    address = free_address()
    leader, log = lead(LOOP, "--listen", address)
    agent = join(address, "")
    assert wait_for(lambda: "looping" in log.read_text(), 30), log.read_text()
    leader.send_signal(fault)
    assert agent.wait(20) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_agent_whose_leader_waits_for_others(join, lead, number):
    address = free_address()
    leader, log = lead(LOOP, "--listen", address, "--expect", "2")
    agent = join(address, "")
    assert wait_for(lambda: "to-leader" in threads_of(agent), 20), log.read_text()
    agent.send_signal(number)
    assert agent.wait(20) == 128 + number
    assert leader.wait(20) == 255 and "was lost before the test began" in log.read_text()


def test_ctrl_c_ends_a_leader_that_waits_for_agents(lead):
    address = free_address()
    leader, log = lead(LOOP, "--listen", address)
    host, port = address.split(":")
    assert wait_for(lambda: socket.socket().connect_ex((host, int(port))) == 0, 20), log.read_text()
    leader.send_signal(signal.SIGINT)
    assert leader.wait(20) == 105
    assert wait_for(lambda: socket.socket().connect_ex((host, int(port))) != 0, 10)


@pytest.mark.parametrize("address, token, words", [
    ("0.0.0.0:6567", "", "need a token"), ("127.0.0.1:6567", "short", "can be guessed"), ("6567", "", "is no HOST:PORT"),
    ("127.0.0.1:0", "", "a port of 1 to 65535"), ("127.0.0.1:70000", "", "a port of 1 to 65535")])
def test_a_leader_does_not_listen_to_everybody(tmp_path, monkeypatch, address, token, words):
    monkeypatch.setenv("GAUNTLET_FLEET_TOKEN", token)
    ran = run(tmp_path, LOOP, "--listen", address)
    assert ran.returncode == 255 and words in ran.stderr


@pytest.mark.parametrize("address, token, words", [("192.0.2.1:6567", "", "need a token"), ("127.0.0.1:6567", "short", "can be guessed")])
def test_an_agent_does_not_serve_everybody(join, address, token, words):
    agent = join(address, token)
    assert agent.wait(20) != 0 and words in agent.stderr.read()


def test_an_agent_that_calls_ends_at_ctrl_c(join):
    agent = join(free_address(), "")
    assert wait_for(lambda: agent.poll() is None and "gauntlet" in open(f"/proc/{agent.pid}/cmdline").read(), 10)
    agent.send_signal(signal.SIGINT)
    assert agent.wait(20) == -signal.SIGINT


def test_silent_strangers_and_ends_in_the_handshake_keep_nobody_away(join, lead):
    """An agent calls again where something takes its call and closes it, and is heard behind strangers who say nothing."""
    address = free_address()
    host, port = address.split(":")
    with socket.create_server((host, int(port))) as proxy:
        agent = join(address, "")
        for _ in range(2):
            with proxy.accept()[0] as call:
                call.recv(1000)
    leader, log = lead(WHOLE, "--listen", address)
    strangers = []
    for _ in range(100):
        assert wait_for(lambda: strangers.append(socket.socket()) or strangers[-1].connect_ex((host, int(port))) == 0, 20)
    assert leader.wait(90) == 0, log.read_text()
    assert agent.wait(20) == 0, agent.stderr.read()
    for stranger in strangers:
        stranger.close()


def test_what_joins_is_said_with_where(tmp_path):
    ran = run(tmp_path, LOOP, "--expect", "1")
    assert ran.returncode == 255 and "--listen" in ran.stderr


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        ran = run(tmp_path, LOOP, "--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert ran.returncode == 255 and "cannot listen at" in ran.stderr and "looping" not in ran.stderr
