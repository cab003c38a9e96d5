"""The live page beside a real stack: what it shows of the system under test."""
import re
import socket
import subprocess
import sys
import time

import pytest

from conftest import GAUNTLET, ROOT

sys.path.append(str(ROOT / "tests" / "integration"))
from lab_project import lab_stack  # noqa: E402
from live_page import page_address  # noqa: E402
from test_stack import Project  # noqa: E402

SCRIPT = """
import http from "k6/http";
export const options = { scenarios: { list: { executor: "constant-arrival-rate", rate: 20, timeUnit: "1s", duration: "60s", preAllocatedVUs: 10 } } };
export default function () {
  http.get(`${__ENV.BASE_URL}/v1/challenges`, { headers: { "x-mock-user-id": "user-1" } });
}
"""


@pytest.fixture
def stack():
    project = Project()
    project.up()
    yield project
    project.remove()


def test_the_page_shows_the_stack_that_the_script_is_aimed_at(stack, open_tab, tmp_path):
    script = tmp_path / "list.js"
    script.write_text(SCRIPT)
    exports = dict(re.findall(r"export (\w+)='(.*)'", stack.run("env")))
    environment = {"PATH": "/usr/bin:/bin", "GAUNTLET_PROJECT": str(stack.root), "GAUNTLET_STATE_DIR": str(stack.state), **exports,
                   "K6_WEB_DASHBOARD": "true", "K6_WEB_DASHBOARD_PORT": "0"}
    with (tmp_path / "output.txt").open("wb") as output:
        run = subprocess.Popen([GAUNTLET, "run", script], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        tab = open_tab(page_address(run, tmp_path / "output.txt"))
        tab.wait("document.querySelectorAll('#system .chart:not(.is-empty) canvas').length >= 7")
        drawn = set(tab.drawn_charts())
        assert {"CPU by process", "Memory by process", "Database connections", "Database transactions"} <= drawn
        tab.wait("document.querySelectorAll('#system tbody tr').length > 5")
        rows = {row[0][0]: row for row in tab.table("system")}
        assert {"challenge-postgres", "challenge-redis", "challenge-service", "challenge-event-handler", "generator"} <= rows.keys()
        assert rows["challenge-service"][4][1] > 1e6, "bytes of memory"
        assert [row[0][0] for row in tab.table("system")].count("generator") == 1
        assert tab.axe() == []
        assert tab.complaints == []
        # The database goes away: the page says so, and the run goes on.
        stack.call("down")
        tab.wait("/Not seen:/.test(document.querySelector('#system .note').innerText)")
        assert run.poll() is None
    finally:
        run.terminate()
        assert run.wait(60) == 105


def test_the_page_goes_with_a_campaign_from_level_to_level(browser, open_tab):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with lab_stack() as lab:
        campaign = subprocess.Popen(lab.command("campaign", "--quick", "--scenario", "1", "--seconds", "4", "--max-rps", "100", "--web"), stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**lab.environment(), "K6_WEB_DASHBOARD_PORT": str(port)})
        try:
            while campaign.poll() is None:
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            tab = open_tab(f"http://127.0.0.1:{port}/")
            tab.wait("/^Level 1 of 2: scenario 1 at 50 RPS for 4 s; at most/.test(document.querySelector('#part p').innerText)")
            assert tab.axe() == []
            tab.page.wait_for_selector("#verdict:not([hidden])")
            tab.wait("/^Level 2 of 2: scenario 1 at 100 RPS/.test(document.querySelector('#part p').innerText)")
            assert tab.page.get_attribute("#part .progress", "aria-valuenow") == "50"
            tab.wait("document.querySelector('#verdict').hidden")
            tab.wait("document.querySelectorAll('#system .chart:not(.is-empty) canvas').length >= 4")
            tab.page.wait_for_selector("#verdict:not([hidden])")
            assert campaign.wait(60) == 0, campaign.stdout.read()
            # What the console says of servers that are not up yet is the browser's, not the page's.
            assert [c for c in tab.complaints if "ERR_CONNECTION_REFUSED" not in c and "ERR_INCOMPLETE" not in c] == []
        finally:
            campaign.kill()
            campaign.wait()
