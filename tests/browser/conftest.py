"""What the browser tests share: Chromium, a small server to load, and a run of the engine with its live page."""
import http.server
import json
import pathlib
import random
import subprocess
import sys
import threading
import time

import pytest
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"
AXE = ROOT / "build" / "_deps" / "web" / "node_modules" / "axe-core" / "axe.min.js"
sys.path.insert(0, str(ROOT / "tests" / "support"))
from live_page import launch_chromium, page_address  # noqa: E402

SCRIPT = """
import http from "k6/http";
import { check } from "k6";
export const options = {
  scenarios: { browse: { executor: "constant-arrival-rate", rate: 20, timeUnit: "1s", duration: "__DURATION__", preAllocatedVUs: 10 } },
  thresholds: { http_req_duration: ["p(95)<30000"], "http_req_failed": ["rate<0.05"], "http_req_duration{name:catalog}": ["p(99)<30000"] },
};
export default function () {
  check(http.get(`${__ENV.BASE}/catalog`, { tags: { name: "catalog" } }), { "the catalog comes": (r) => r.status === 200 });
  http.get(`${__ENV.BASE}/broken`, { tags: { name: "</script><script>alert(1)</script><b>broken</b>" } });
}
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"x" * 500
        self.send_response(503 if self.path == "/broken" and random.random() < 0.3 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def target():
    """Base URL of a server that fails 30 % of /broken."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Run:
    """gauntlet run with the page on a free port."""

    def __init__(self, folder, target, duration, port=0):
        self.folder = folder
        self.script = folder / "browse.js"
        self.script.write_text(SCRIPT.replace("__DURATION__", duration))
        self.output = folder / "output.txt"
        self.report = folder / "report.html"
        self.summary_file = folder / "summary.json"
        self.stream = self.output.open("wb")
        self.process = subprocess.Popen(
            [GAUNTLET, "run", "--web", "--summary-trend-stats", "avg,min,med,max,p(90),p(95),p(99),count", "--summary-export", self.summary_file,
             "-e", f"BASE={target}", self.script],
            stdin=subprocess.DEVNULL, stdout=self.stream, stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "K6_WEB_DASHBOARD_PORT": str(port), "K6_WEB_DASHBOARD_EXPORT": str(self.report)})

    def said(self):
        return self.output.read_text(errors="replace")

    def url(self):
        """Where the page is, as the run's header says."""
        return page_address(self.process, self.output)

    def wait(self):
        code = self.process.wait(timeout=120)
        self.stream.close()
        return code

    def summary(self):
        return json.loads(self.summary_file.read_text())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        yield chromium
        chromium.close()


class Tab:
    """A page of a fresh profile that notes everything its console says and everything it asks for."""

    def __init__(self, browser, width=1280, scheme="light", offline=False):
        self.context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=offline)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints = []
        self.asked = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def wait(self, expression):
        """Until the page's JavaScript expression is true. Not wait_for_function: the page's policy forbids its eval."""
        for _ in range(1200):
            if self.page.evaluate(expression):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression}")

    def text(self, selector):
        return self.page.inner_text(selector)

    def table(self, section):
        """Rows of a section's tables as lists of (text, exact value or None)."""
        return self.page.evaluate(
            """(id) => [...document.querySelectorAll(`#${id} tbody tr`)].map((row) =>
                 [...row.cells].map((cell) => [cell.innerText.trim(), cell.dataset.value === undefined ? null : Number(cell.dataset.value)]))""", section)

    def drawn_charts(self):
        """Titles of visible charts whose lines have left pixels of their own colours on the canvas."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll('.chart')].filter((chart) => {
                 const canvas = chart.querySelector('canvas');
                 if (!canvas || chart.classList.contains('is-empty')) return false;
                 const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                 let coloured = 0;
                 for (let i = 0; i < data.length; i += 4) {
                   const [r, g, b, a] = [data[i], data[i + 1], data[i + 2], data[i + 3]];
                   if (a > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured++;
                 }
                 return coloured > 50;
               }).map((chart) => chart.querySelector('h3').innerText)""")

    def axe(self):
        """What axe-core finds wrong, WCAG 2.2 AA and best practices."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [f"{v['id']}: {v['help']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in found["violations"]]

    def close(self):
        self.context.close()


@pytest.fixture
def open_tab(browser):
    tabs = []

    def opened(url, **options):
        tab = Tab(browser, **options)
        tabs.append(tab)
        tab.page.goto(url)
        return tab

    yield opened
    for tab in tabs:
        tab.close()


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, target):
    """A run of three seconds that is over, with its report."""
    run = Run(tmp_path_factory.mktemp("finished"), target, "3s")
    code = run.wait()
    assert code == 99, run.said()
    return run
