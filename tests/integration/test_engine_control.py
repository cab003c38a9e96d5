"""The REST API and the commands that use it: what a test says of itself while it runs, and how it is steered. The tests run on
real k6 1.8.1, too, where it is on the machine."""
import json
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from test_engine_commands import ENGINE, real_k6, run
from test_stack import wait_for

LONG = """
import { check, group, sleep } from 'k6';
export const options = { vus: 2, duration: '120s', thresholds: { checks: ['rate>0.9'], 'checks{a:b}': ['rate>0.5'] } };
export function setup() { return { a: 1 }; }
export default function (data) { group('g', () => check(1, { c: true })); sleep(0.05); }
export function teardown() { console.log('teardown ran'); }
"""


class Running:
    def __init__(self, folder, program, *flags, script=LONG):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        (folder / "long.js").write_text(script)
        self.process = subprocess.Popen([str(program), "run", "--no-color", "--address", self.address, *flags, "long.js"], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert wait_for(lambda: self.is_ready(paused="--paused" in flags), 30)

    def is_ready(self, paused):
        try:
            return self.ask("/v1/status")[1]["data"]["attributes"]["status"] == (4 if paused else 7)
        except (urllib.error.URLError, ConnectionError):
            return False

    def ask(self, path, method="GET", attributes=None, body=None, headers={"content-type": "application/json"}):
        if attributes is not None:
            body = json.dumps({"data": {"type": "status", "id": "default", "attributes": attributes}})
        request = urllib.request.Request(f"http://{self.address}{path}", method=method, data=None if body is None else body.encode(), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text, status = answer.read().decode(), answer.status
        except urllib.error.HTTPError as refusal:
            text, status = refusal.read().decode(), refusal.code
        return status, json.loads(text) if text.startswith("{") else text

    def command(self, program, *words):
        return run("/", program, words[0], "-a", self.address, *words[1:])

    def end(self):
        self.process.terminate()
        said = self.process.stdout.read()
        return self.process.wait(30), said


def programs():
    """Ours always; real k6 must answer the same tests."""
    return [pytest.param("ours", id="ours"), pytest.param("k6", id="k6")]


@pytest.fixture(params=programs())
def program(request):
    found = ENGINE if request.param == "ours" else real_k6()
    if found is None:
        pytest.skip("needs real k6")
    return found


def test_a_paused_test_waits_and_is_resumed(tmp_path, program):
    test = Running(tmp_path, program, "--paused")
    try:
        assert test.ask("/v1/status")[1]["data"]["attributes"] == {"status": 4, "paused": True, "vus": 0, "vus-max": 2, "stopped": False, "running": False, "tainted": False}
        refused = test.command(ENGINE, "pause")
        assert refused.returncode == 255 and "Pause error: execution is already paused" in refused.stderr
        assert test.command(ENGINE, "resume").returncode == 0
        assert wait_for(lambda: test.is_ready(paused=False), 30)
        status = test.command(ENGINE, "status")
        assert status.stdout == 'status: 7\npaused: "false"\nvus: "2"\nvus-max: "2"\nstopped: false\nrunning: true\ntainted: false\n'
        late = test.command(ENGINE, "pause")
        assert late.returncode == 255 and "Pause error" in late.stderr
    finally:
        test.end()


def test_a_running_test_tells_its_metrics_groups_and_setup_data(tmp_path, program):
    test = Running(tmp_path, program)
    try:
        assert wait_for(lambda: test.ask("/v1/metrics/checks")[0] == 200 and test.ask("/v1/metrics/vus")[0] == 200, 30)
        assert wait_for(lambda: test.ask("/v1/metrics/checks")[1]["data"]["attributes"]["tainted"] is False, 30)
        checks = test.ask("/v1/metrics/checks")[1]["data"]
        assert checks == {"type": "metrics", "id": "checks", "attributes": {"type": "rate", "contains": "default", "tainted": False, "sample": {"rate": 1}}}
        metrics = {metric["id"]: metric["attributes"] for metric in test.ask("/v1/metrics")[1]["data"]}
        assert set(metrics["iteration_duration"]["sample"]) == {"avg", "max", "med", "min", "p(90)", "p(95)"}
        assert set(metrics["iterations"]["sample"]) == {"count", "rate"} and metrics["vus"]["sample"] == {"value": 2}
        assert "checks{a:b}" in metrics
        assert test.ask("/v1/metrics/checks%7Ba:b%7D")[0] == 200
        root, group = test.ask("/v1/groups")[1]["data"]
        assert root["id"] == "d41d8cd98f00b204e9800998ecf8427e" and root["attributes"] == {"path": "", "name": "", "checks": None}
        assert root["relationships"]["groups"]["data"] == [{"type": "groups", "id": group["id"]}]
        (check,) = group["attributes"]["checks"]
        assert (check["id"], check["path"], check["fails"]) == ("29c7ecfc22a9514dddfc70191ad1b230", "::g::c", 0) and check["passes"] > 0
        assert test.ask("/v1/groups/" + group["id"])[1]["data"]["attributes"]["name"] == "g"
        assert test.ask("/v1/setup")[1] == {"data": {"type": "setupData", "id": "default", "attributes": {"data": {"a": 1}}}}
        assert test.ask("/v1/metrics/nope") == (404, {"errors": [{"status": "404", "title": "Not Found", "detail": "No metric with that ID was found"}]})
        assert test.ask("/v1/groups/nope")[0] == 404
        assert test.ask("/") == (200, "ok")
        assert test.ask("/v1/status", "PATCH", body="zz")[0] == 400
        assert test.ask("/v1/status", "POST", body="{}")[0] == 405
        assert "- name: iteration_duration\n" in test.command(ENGINE, "stats").stdout
    finally:
        test.end()


def test_a_test_is_stopped_with_its_teardown_and_says_so_by_its_exit_code(tmp_path, program):
    test = Running(tmp_path, program)
    assert test.ask("/v1/status", "PATCH", {"stopped": True})[1]["data"]["attributes"]["stopped"] is True
    said = test.process.stdout.read()
    assert test.process.wait(30) == 103
    assert "teardown ran" in said and "test run stopped from REST API" in said


def test_without_address_nothing_listens_and_commands_say_what_to_do(tmp_path):
    refused = run(tmp_path, ENGINE, "status", "-a", "127.0.0.1:1")
    assert refused.returncode == 255 and "it must run with --address 127.0.0.1:1" in refused.stderr
    (tmp_path / "long.js").write_text(LONG)
    paused = run(tmp_path, ENGINE, "run", "--paused", "long.js")
    assert paused.returncode == 104 and "--address" in paused.stderr


def test_a_taken_address_ends_the_run_before_it_begins(tmp_path):
    (tmp_path / "long.js").write_text(LONG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = run(tmp_path, ENGINE, "run", "--address", f"127.0.0.1:{taken.getsockname()[1]}", "long.js")
    assert ran.returncode == 106 and "the REST API cannot be served" in ran.stderr


def attributes(answer):
    assert answer[0] == 200, answer
    return answer[1]["data"]["attributes"]


def refusal(answer):
    status, body = answer
    error = body["errors"][0]
    assert error["status"] == str(status)
    return status, error["title"], error["detail"]


# --linger

SHORT = """
export const options = { thresholds: { iterations: ['count<1'] } };
export function setup() { return { n: 1 }; }
export default function () {}
export function teardown(data) { console.log('teardown ran with ' + JSON.stringify(data)); }
export function handleSummary() { return { stdout: 'this is the summary' }; }
"""


class Lingering(Running):
    def is_ready(self, paused):
        try:
            return attributes(self.ask("/v1/status"))["status"] in (9, 10)
        except (urllib.error.URLError, ConnectionError):
            return False


def test_a_test_that_lingers_answers_until_it_is_interrupted(tmp_path, program):
    test = Lingering(tmp_path, program, "--linger", script=SHORT)
    assert attributes(test.ask("/v1/status")) | {"tainted": True} == {
        "status": 9, "paused": False, "vus": 0, "vus-max": 1, "stopped": False, "running": False, "tainted": True}
    assert attributes(test.ask("/v1/setup", "PUT", body='{"n":5}'))["data"] == {"n": 5}
    assert test.ask("/v1/teardown", "POST") == (200, "")
    assert attributes(test.ask("/v1/status", "PATCH", {"stopped": True}))["stopped"] is True
    test.process.send_signal(signal.SIGINT)
    said = test.process.stdout.read()
    assert test.process.wait(30) == 99, "what the test came to, not that it was interrupted"
    assert "The test is done, but --linger was enabled, so k6 is waiting for Ctrl+C to continue..." in said
    assert said.index("teardown ran with {") < said.index("The test is done") < said.index("this is the summary")


def test_a_test_that_was_stopped_lingers_and_one_that_was_interrupted_does_not(tmp_path, program):
    (tmp_path / "a").mkdir()
    stopped = Running(tmp_path / "a", program, "--linger", script=LONG)
    stopped.ask("/v1/status", "PATCH", {"stopped": True})
    assert wait_for(lambda: attributes(stopped.ask("/v1/status"))["status"] == 10, 30)
    assert attributes(stopped.ask("/v1/status"))["running"] is True
    assert stopped.end()[0] == 103
    (tmp_path / "b").mkdir()
    interrupted = Running(tmp_path / "b", program, "--linger", script=LONG)
    assert interrupted.end()[0] == 105
