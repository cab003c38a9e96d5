"""The live page while a run is on, in Chromium."""
import gzip
import http.server
import json
import os
import socket
import threading
import urllib.request

import pytest

from conftest import Run

LOAD_CHARTS = {"Throughput", "Response time", "From the intended start", "Errors", "Virtual users", "Data", "Generator CPU", "Start delay"}


@pytest.fixture
def run(tmp_path, target):
    run = Run(tmp_path, target, "12s")
    yield run
    run.end()


@pytest.fixture
def long_run(tmp_path, target):
    """Goes on for as long as a slow machine needs to look at it twice; ended with the test."""
    run = Run(tmp_path, target, "180s")
    yield run
    run.end()


def same_numbers(tab, summary):
    """The page's metric tables say what the exported summary says, to the last digit."""
    by_name = {cells[0][0]: [value for _, value in cells[1:]] for cells in tab.table("metrics")}
    compared = 0
    for name, values in summary["metrics"].items():
        if {"avg", "p(95)"} <= values.keys():
            wanted = [values[key] for key in ("avg", "min", "med", "p(90)", "p(95)", "p(99)", "max", "count")]
        elif "count" in values:
            wanted = [None, values["count"], values["rate"]]
        elif "passes" in values:
            wanted = [None, values["value"], None]
        else:
            wanted = [None, values["value"], None]
        assert by_name[name] == pytest.approx(wanted, rel=1e-12), (name, by_name[name], values)
        compared += 1
    assert compared > 10


def test_a_run_is_watched_from_its_start_to_its_verdict(run, open_tab):
    tab = open_tab(run.url())
    page = tab.page
    tab.wait("document.querySelector('#status').innerText === 'Running'")
    tab.wait("document.querySelectorAll('.chart:not(.is-empty) canvas').length >= 8")
    before = tab.text(".tile:first-child .tile-note")
    tab.wait(f"document.querySelector('.tile:first-child .tile-note').innerText !== {json.dumps(before)}")
    assert LOAD_CHARTS <= set(tab.drawn_charts())
    endpoints = tab.table("endpoints")
    assert {"GET catalog", "GET </script><script>alert(1)</script><b>broken</b>"} == {row[0][0] for row in endpoints}
    assert tab.table("failures")[0][0][0] == "HTTP 503"
    states = {(row[1][0], row[2][0]): row[0][0] for row in tab.table("thresholds")}
    tab.wait("document.querySelector('#thresholds tbody').innerText.includes('crossed')")
    assert len(states) == 3
    assert page.get_attribute("#progress", "aria-valuenow") != "0"

    # One who comes late sees the run from its start, also with the keyboard alone.
    late = open_tab(run.url())
    late.page.wait_for_selector(".chart canvas")
    late.page.focus(".chart .plot")
    late.page.keyboard.press("Home")
    late.wait("/^Throughput, at 0:0[01]: Requests [1-9]/.test(document.querySelector('.chart .plot').ariaLabel)")
    late.page.keyboard.press("Escape")
    late.wait("/^Throughput, newest/.test(document.querySelector('.chart .plot').ariaLabel)")

    # Both pages are open: the run ends all the same, and they keep its results.
    assert run.wait() == 99, run.said()
    for visitor in (tab, late):
        visitor.page.wait_for_selector("#verdict:not([hidden])")
        assert visitor.text("#verdict h2") == "Failed: 1 of 3 thresholds crossed"
        assert visitor.text("#status") == "Failed"
        same_numbers(visitor, run.summary())
        assert visitor.complaints == []
    with tab.page.expect_download() as saved:  # though the server has gone
        tab.page.click("#save")
    saved.value.save_as(run.folder / "saved.html")
    copy = open_tab((run.folder / "saved.html").as_uri(), offline=True)
    copy.page.wait_for_selector("#verdict:not([hidden])")
    same_numbers(copy, run.summary())
    assert LOAD_CHARTS <= set(copy.drawn_charts())
    assert copy.complaints == []
    assert "Threshold crossed" in tab.text("#announce") or "It failed" in tab.text("#announce")
    requests = run.summary()["metrics"]["http_reqs"]["count"]
    assert f"{requests} in all" in tab.text(".tile:first-child .tile-note").replace(",", "", 1)


def test_the_page_suits_readers_of_every_kind(long_run, open_tab):
    url = long_run.url()
    for width, scheme in ((1280, "light"), (360, "dark")):
        tab = open_tab(url, width=width, scheme=scheme)
        tab.page.wait_for_selector(".chart:not(.is-empty) canvas")
        tab.page.wait_for_selector("#endpoints tbody tr")
        assert tab.axe() == [], (width, scheme)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.complaints == []
    background = "getComputedStyle(document.body).backgroundColor"
    dark = tab.page.evaluate(background)
    tab.page.click("#theme")  # auto -> light, against the system's dark
    assert tab.text("#theme") == "Theme: light"
    assert tab.page.evaluate(background) != dark
    assert set(tab.asked) <= {url, url + "/", url + "/events"}, "the page asks nobody else"


def test_the_page_is_small_and_only_this_machine_sees_it(run):
    url = run.url()
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        body = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]
    assert len(body) < 150_000
    assert b"http://" not in gzip.decompress(body).replace(b"http://www.w3.org/", b"")
    port = int(url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in open("/proc/net/tcp").read().splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_a_taken_port_is_named_with_its_holder_and_the_run_goes_on(tmp_path, target):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        run = Run(tmp_path, target, "1s", port=port)
        assert run.wait() in (0, 99), run.said()
    said = run.said()
    assert f"127.0.0.1:{port}" in said and "held by pid" in said and "K6_WEB_DASHBOARD_PORT" in said
    assert "http_req_duration" in said and "web dashboard:" not in said


SYSTEM = [*(f"{chart}/{part}" for chart in ("cpu", "memory") for part in ("service", "event-handler", "postgres", "redis", "generator")),
          *(f"connections/{state}" for state in ("active", "idle", "idle in transaction", "waiting for a lock")), "transactions/committed", "transactions/rolled back",
          "hits/cache", "hits/HOT updates", "wal/written", "locks/granted", "locks/waiting", "flush_size/mean", "flush_time/mean", "buffer/waiting"]


def tables(second):
    """What the monitors tell of processes and statements in one second, in the shape of src/lab/monitor/live_view.cpp."""
    columns = [{"name": "Statement"}, *({"name": name, "unit": "ms"} for name in ("Calls", "Mean", "Time a second", "Rows a call", "WAL a call"))]
    rows = [[f"UPDATE user_goal_progress SET progress = $1 /* {row} of second {second} */ " + "WHERE user_id = $2 " * 8, *(second * 1.5 + row for _ in range(5))] for row in range(10)]
    return {"problems": [], "tables": [{"title": title, "columns": columns, "rows": rows} for title in ("Processes", "Top statements, by time in the last second", "Tables, in the last second")]}


class Replay(http.server.BaseHTTPRequestHandler):
    """The page, and the updates of a run of half an hour as fast as the browser takes them."""
    page = b""
    document = {}
    seconds = 1800

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if self.path == "/events" else "text/html; charset=utf-8")
        self.end_headers()
        if self.path != "/events":
            self.wfile.write(self.page)
            return
        document, row = self.document, self.document["rows"][1]
        self.event("document", {**document, "rows": [], "end": None})
        for second in range(self.seconds):
            self.event("update", {"rows": [[second, 1, *row[2:-1], {"503": second % 7}]], "detail": tables(second), "state": document["state"],
                                  "system": {"names": SYSTEM, "rows": [[second + 1, *(second % 17 + i for i in range(len(SYSTEM)))]]}})
        self.event("end", {"exit_code": 0, "reason": ""})

    def event(self, name, data):
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def log_message(self, *_):
        pass


def heap_bytes(tab):
    """What the page's JavaScript holds once garbage is collected."""
    devtools = tab.context.new_cdp_session(tab.page)
    devtools.send("Performance.enable")
    devtools.send("HeapProfiler.enable")
    devtools.send("HeapProfiler.collectGarbage")
    return {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}["JSHeapUsedSize"]


def test_half_an_hour_of_updates_stays_under_100_MB_of_heap(finished_run, open_tab):
    report = finished_run.report.read_text()
    data = report.split('<script id="data" type="application/json">')[1].split("</script>")[0]
    Replay.document = json.loads(data)
    Replay.page = report.replace(data, "").encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tab = open_tab(f"http://127.0.0.1:{server.server_port}/")
    tab.page.wait_for_selector("#verdict:not([hidden])")
    server.shutdown()
    tab.page.focus(".chart .plot")
    tab.page.keyboard.press("End")
    assert "at 30:00" in tab.page.get_attribute(".chart .plot", "aria-label")
    used = heap_bytes(tab)
    print(f"heap after half an hour of updates: {used / 1e6:.1f} MB")
    assert 1e6 < used < 100e6
    assert {"CPU by process", "Memory by process", "Flush time"} <= set(tab.drawn_charts())
    assert tab.complaints == []


@pytest.mark.skipif("GAUNTLET_LONG" not in os.environ, reason="takes half an hour: GAUNTLET_LONG=1")
def test_a_run_of_half_an_hour_stays_under_100_MB_of_heap(tmp_path, target, open_tab):
    run = Run(tmp_path, target, "30m")
    try:
        tab = open_tab(run.url())
        run.process.wait(timeout=1900)
        tab.page.wait_for_selector("#verdict:not([hidden])")
        used = heap_bytes(tab)
        print(f"heap after a run of half an hour: {used / 1e6:.1f} MB")
        assert 1e6 < used < 100e6
        assert tab.complaints == []
    finally:
        run.end()
