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
        assert "constant-vus executor 'default' doesn't support pause and resume operations after its start" in late.stderr
        scale = test.command(ENGINE, "scale", "-u", "5")
        assert scale.returncode == 255 and "an externally-controlled executor needs to be configured" in scale.stderr
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


# The externally-controlled executor

CONTROLLED = """
import { sleep } from 'k6';
import exec from 'k6/execution';
export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 1, maxVUs: 3, duration: 'DURATION' } } };
export function setup() { console.log('setup ran'); return { n: 1 }; }
export default function (data) {
  console.log(`vu ${exec.vu.idInTest} iteration ${exec.vu.iterationInScenario} data ${JSON.stringify(data)} at ${exec.scenario.progress.toFixed(1)}`);
  sleep(PAUSE);
}
export function teardown(data) { console.log('teardown ran with ' + JSON.stringify(data)); }
"""


def controlled(duration="60s", pause="0.05"):
    return CONTROLLED.replace("DURATION", duration).replace("PAUSE", pause)


def attributes(answer):
    assert answer[0] == 200, answer
    return answer[1]["data"]["attributes"]


def refusal(answer):
    status, body = answer
    error = body["errors"][0]
    assert error["status"] == str(status)
    return status, error["title"], error["detail"]


def test_virtual_users_come_and_go_as_they_are_asked_for(tmp_path, program):
    test = Running(tmp_path, program, script=controlled(pause="20"))
    assert attributes(test.ask("/v1/status", "PATCH", {"vus": 3}))["vus"] == 3
    assert attributes(test.ask("/v1/status", "PATCH", {"vus-max": 5}))["vus-max"] == 5
    assert attributes(test.ask("/v1/status", "PATCH", {"vus": "4"}))["vus"] == 4
    # Whom it sends home is cut short at once.
    begun = time.monotonic()
    left = attributes(test.ask("/v1/status", "PATCH", {"vus": 1, "vus-max": 3}))
    assert (left["vus"], left["vus-max"]) == (1, 3) and time.monotonic() - begun < 5
    assert attributes(test.ask("/v1/status", "PATCH", {"vus": 2}))["vus"] == 2
    # A stop counts before all else that is asked for with it.
    assert attributes(test.ask("/v1/status", "PATCH", {"stopped": True, "vus": 1})) | {"status": 7} == {
        "status": 7, "paused": False, "vus": 2, "vus-max": 3, "stopped": True, "running": True, "tainted": False}
    said = test.process.stdout.read()
    assert test.process.wait(30) == 103
    assert "Externally controlled execution with 1 VUs, 3 max VUs, 1m0s duration" in said
    assert "0 complete and 5 interrupted iterations" in said
    assert "teardown ran with" in said


def test_what_makes_no_sense_is_refused_and_changes_nothing(tmp_path, program):
    test = Running(tmp_path, program, script=controlled())
    try:
        for asked, answer in [
            ({"vus": 9}, (400, "Config update error", "invalid configuration supplied: the number of active VUs (9) must be less than or equal to the number of maxVUs (3)")),
            ({"vus": -1, "vus-max": -2}, (400, "Config update error", "invalid configuration supplied: the number of VUs can't be negative, "
                                          "the number of active VUs (-1) must be less than or equal to the number of maxVUs (-2)")),
            ({"vus-max": 2}, (400, "Config update error", "the new number of max VUs cannot be lower than the starting number of max VUs (3)")),
            ({"vus": "x"}, (400, "Invalid data", 'strconv.ParseInt: parsing "x": invalid syntax')),
            ({"vus": 1.5}, (400, "Invalid data", "json: cannot unmarshal number 1.5 into Go struct field Status.data.attributes.vus of type int64")),
            ({"paused": "x"}, (400, "Invalid data", "json: cannot unmarshal string into Go value of type null.Bool")),
            ({"stopped": 1}, (400, "Invalid data", "json: cannot unmarshal number into Go struct field Status.data.attributes.stopped of type bool")),
            ({"paused": False}, (500, "Pause error", "test execution wasn't paused")),
            ({"paused": False, "vus": 9}, (500, "Pause error", "test execution wasn't paused")),
        ]:
            assert refusal(test.ask("/v1/status", "PATCH", asked)) == answer
        for body, detail in [("zz", "invalid character 'z' looking for beginning of value"), ('{"data":', "unexpected end of JSON input"),
                             ("[]", "json: cannot unmarshal array into Go value of type v1.StatusJSONAPI"),
                             ('{"data":5}', "json: cannot unmarshal number into Go struct field StatusJSONAPI.data of type v1.statusData"),
                             ('{"data":{"attributes":[]}}', "json: cannot unmarshal array into Go struct field statusData.data.attributes of type v1.Status")]:
            assert refusal(test.ask("/v1/status", "PATCH", body=body)) == (400, "Invalid data", detail)
        if program == ENGINE:  # k6 sets about making them
            title, detail = refusal(test.ask("/v1/status", "PATCH", {"vus-max": 2_000_000_000}))[1:]
            assert title == "Config update error" and re.search(r"2000000000 virtual users need at least \d+ GB of memory, and there is \d+\.\d GB", detail), detail
        for nothing in ({}, {"vus": None, "paused": None}):
            assert attributes(test.ask("/v1/status", "PATCH", nothing))["vus"] == 1
        assert test.ask("/v1/status", "PATCH", body="{}")[0] == 200
    finally:
        test.end()


def test_pages_of_other_sites_cannot_steer_a_test(tmp_path):
    test = Running(tmp_path, ENGINE, script=controlled())
    try:
        json_body = {"content-type": "application/json"}
        for headers, status in [({**json_body, "Host": "evil.example:6565"}, 403), ({**json_body, "Origin": "http://evil.example"}, 403),
                                ({**json_body, "Origin": "null"}, 403), ({"content-type": "text/plain"}, 415),
                                ({"content-type": "application/x-www-form-urlencoded"}, 415)]:
            assert test.ask("/v1/setup", "POST", body="{}", headers=headers)[0] == status, headers
        assert test.ask("/v1/status", headers={"Host": "evil.example"})[0] == 403
        assert test.ask("/v1/status", headers={"Host": "localhost", "Origin": "http://localhost"})[0] == 200
    finally:
        said = test.end()[1]
    assert said.count("setup ran") == 1


def test_a_pause_lets_iterations_end_and_stops_the_clock(tmp_path, program):
    test = Running(tmp_path, program, script=controlled(duration="3s", pause="0.5"))
    began = time.monotonic()
    status = test.command(ENGINE, "pause").stdout
    assert 'paused: "true"' in status and 'vus: "0"' in status and "running: true" in status
    assert refusal(test.ask("/v1/status", "PATCH", {"paused": True})) == (500, "Pause error", "test execution was already paused")
    assert attributes(test.ask("/v1/status", "PATCH", {"vus": 2}))["vus"] == 0
    time.sleep(4)
    assert 'vus: "2"' in test.command(ENGINE, "resume").stdout
    said = test.process.stdout.read()
    assert test.process.wait(30) == 0 and time.monotonic() - began > 6
    assert "\npaused (" in said
    assert "interrupted iterations" in said and "teardown ran" in said
    # The one that was there before the pause goes on with its count, and later than the test's third second there was none.
    assert "iteration 2 " in said and "at 1.4" not in said
    rate = float(next(line for line in said.splitlines() if line.strip().startswith("iterations.")).split()[-1].removesuffix("/s"))
    assert rate > 1.5, "a pause is no time of the test"


def test_a_change_before_the_start_holds_from_the_start(tmp_path, program):
    test = Running(tmp_path, program, "--paused", script=controlled(pause="20"))
    try:
        assert attributes(test.ask("/v1/status", "PATCH", {"vus": 2}))["vus"] == 0
        assert attributes(test.ask("/v1/status", "PATCH", {"vus-max": 4}))["vus-max"] == 3
        time.sleep(2.5)  # progress is shown once a second
        test.ask("/v1/status", "PATCH", {"paused": False})
        assert wait_for(lambda: (now := attributes(test.ask("/v1/status")))["vus"] == 2 and now["vus-max"] == 4, 30)
    finally:
        code, said = test.end()
    assert code == 105
    assert "Run    [ 100% ] paused" in said


def test_only_scenarios_that_can_be_paused_are(tmp_path, program):
    script = controlled(pause="0.1").replace("scenarios: {", "scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '60s', gracefulStop: '0s' },")
    test = Running(tmp_path, program, script=script)
    try:
        for paused in (True, False):
            assert refusal(test.ask("/v1/status", "PATCH", {"paused": paused})) == (
                500, "Pause error", "constant-vus executor 'a' doesn't support pause and resume operations after its start")
        assert attributes(test.ask("/v1/status", "PATCH", {"vus": 3}))["vus"] == 4
    finally:
        test.end()


def test_a_scenario_without_end_runs_until_it_is_told(tmp_path, program):
    test = Running(tmp_path, program, script=controlled(duration="0"))
    time.sleep(1.5)
    code, said = test.end()
    assert code == 105
    assert "1 scenario, 3 max VUs, 0s max duration (incl. graceful stop)" in said and "3 max VUs, infinite duration" in said
    assert "at 1.0" in said


# Setup and teardown on demand, and --linger

def test_setup_data_can_be_read_and_replaced_while_the_test_runs(tmp_path, program):
    test = Running(tmp_path, program, script=controlled(pause="0.1"))
    data = lambda answer: attributes(answer).get("data", "none")
    assert data(test.ask("/v1/setup")) == {"n": 1}
    assert data(test.ask("/v1/setup", "PUT", body='{"n":2}')) == {"n": 2} == data(test.ask("/v1/setup"))
    assert refusal(test.ask("/v1/setup", "PUT", body="zz")) == (400, "Error parsing request body", "invalid character 'z' looking for beginning of value")
    # Who has run keeps what it has got, who comes gets what there is.
    assert attributes(test.ask("/v1/status", "PATCH", {"vus": 2}))["vus"] == 2
    time.sleep(0.5)
    assert data(test.ask("/v1/setup", "POST")) == {"n": 1}
    assert data(test.ask("/v1/setup", "PUT", body="")) == "none"
    assert data(test.ask("/v1/setup", "PUT", body="[3]")) == [3]
    assert test.ask("/v1/teardown", "POST") == (200, "")
    for path, method in [("/v1/setup", "DELETE"), ("/v1/setup", "PATCH"), ("/v1/teardown", "GET"), ("/v1/teardown", "PUT")]:
        assert test.ask(path, method, body="{}")[0] == 405
    said = test.end()[1]
    assert said.count("setup ran") == 2 and said.count("teardown ran with [3]") == 2
    by_user = {line.split(" iteration ")[0][-1]: line.split(" data ")[1].split(" at ")[0].replace("\\", "") for line in said.splitlines() if " data " in line}
    assert sorted(by_user.values()) == ['{"n":1}', '{"n":2}']


def test_what_is_left_out_of_the_run_can_be_asked_for(tmp_path, program):
    test = Running(tmp_path, program, "--no-setup", "--no-teardown", script=controlled())
    assert "data" not in attributes(test.ask("/v1/setup"))
    assert attributes(test.ask("/v1/setup", "POST"))["data"] == {"n": 1}
    assert test.ask("/v1/teardown", "POST")[0] == 200
    said = test.end()[1]
    assert said.count("setup ran") == 1 and said.count("teardown ran") == 1


def test_an_exception_in_setup_is_told_to_who_asked(tmp_path, program):
    script = controlled().replace("console.log('setup ran')", "throw new Error('boom')").replace("console.log('teardown", "throw new Error('bam") \
                         .replace("' + JSON.stringify(data)); }\n\"", "')")
    test = Running(tmp_path, program, "--no-setup", "--no-teardown", script=script)
    status, title, detail = refusal(test.ask("/v1/setup", "POST"))
    assert (status, title) == (500, "Error executing setup") and detail.startswith("Error: boom\n\tat setup (file:///")
    status, title, detail = refusal(test.ask("/v1/teardown", "POST"))
    assert (status, title) == (500, "Error executing teardown") and detail.startswith("Error: bam")
    code, said = test.end()
    assert code == 105 and 'msg="Error executing setup" error="Error: boom' in said


def test_without_setup_there_is_nothing_to_run(tmp_path, program):
    test = Running(tmp_path, program, script="import { sleep } from 'k6'; export const options = { duration: '60s' }; export default function () { sleep(0.1); }")
    try:
        assert attributes(test.ask("/v1/setup", "POST")) == {}
        assert test.ask("/v1/teardown", "POST") == (200, "")
    finally:
        test.end()


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
    assert refusal(test.ask("/v1/status", "PATCH", {"paused": True}))[2] == "per-vu-iterations executor 'default' doesn't support pause and resume operations after its start"
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
