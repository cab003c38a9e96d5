"""The report of a run: one HTML file that needs nothing else."""
import json
import shutil
import subprocess

import pytest

from conftest import GAUNTLET, ROOT
from test_live_page import LOAD_CHARTS, same_numbers


def test_the_report_opens_from_disk_without_network_and_says_what_the_summary_says(finished_run, open_tab):
    for width, scheme in ((1280, "dark"), (360, "light")):
        tab = open_tab(finished_run.report.as_uri(), offline=True, width=width, scheme=scheme)
        tab.page.wait_for_selector("#verdict:not([hidden])")
        assert tab.text("#verdict h2") == "Failed: 1 of 3 thresholds crossed"
        same_numbers(tab, finished_run.summary())
        assert LOAD_CHARTS <= set(tab.drawn_charts())
        assert tab.axe() == [], (width, scheme)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.asked == [finished_run.report.as_uri()]
        assert tab.complaints == []


# A4 with margins of a centimetre, in CSS pixels.
PAPER_WIDTH = 718
# What reaches beyond the paper, or beyond a box that does not show it.
CLIPPED = """() => [...document.querySelectorAll('body *')].filter((element) => {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (box.width === 0 || element.closest('.unseen, svg, .skip')) return false;
    return box.right > innerWidth + 1 || (style.overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1);
}).map((element) => element.outerHTML.slice(0, 120))"""
# Text that is too pale for white paper, by the relative luminance of its colour.
PALE = """() => [...document.querySelectorAll('body *')].filter((element) => {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) || element.closest('.unseen, script, style')) return false;
    if (element.getBoundingClientRect().width === 0) return false;
    const style = getComputedStyle(element);
    const [r, g, b] = (element.closest('svg') ? style.fill : style.color).match(/[\\d.]+/g).map((part) => { const c = part / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.3;
}).map((element) => element.outerHTML.slice(0, 120))"""


def on_paper(tab, scheme):
    tab.page.set_viewport_size({"width": PAPER_WIDTH, "height": 1000})
    tab.page.emulate_media(media="print", color_scheme=scheme)
    tab.page.wait_for_timeout(300)  # charts follow the width


def assert_it_suits_paper(tab):
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.page.evaluate(CLIPPED) == []
    assert tab.page.evaluate(PALE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_prints_on_white_paper_with_its_charts_and_whole_tables(finished_run, open_tab, tmp_path, scheme):
    tab = open_tab(finished_run.report.as_uri(), scheme=scheme)
    tab.page.wait_for_selector("#verdict:not([hidden])")
    on_paper(tab, scheme)
    assert_it_suits_paper(tab)
    assert LOAD_CHARTS <= set(tab.drawn_charts())
    colours = tab.page.evaluate(COLOURS_OF_THE_FIRST_CHART)
    assert colours["29,111,209"] > 20 and "90,169,255" not in colours, "the line as the light theme has it"
    assert tab.axe() == []
    pdf = tab.page.pdf(format="A4", print_background=True, margin={side: "10mm" for side in ("top", "right", "bottom", "left")})
    (tmp_path / "report.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF") and 1 <= pdf.count(b"/Type /Page\n") <= 8
    assert len(pdf) > 30_000, "charts are images in it"
    tab.page.emulate_media(media="screen", color_scheme=scheme)
    tab.wait(f"getComputedStyle(document.body).backgroundColor === '{ {'light': 'rgb(245, 247, 249)', 'dark': 'rgb(14, 20, 25)'}[scheme] }'")
    assert [said for said in tab.complaints if "willReadFrequently" not in said] == [], "but of this test's looking at pixels"


# How many pixels of which colour, as far as they are opaque.
COLOURS_OF_THE_FIRST_CHART = """() => {
    const canvas = document.querySelector('.chart canvas'), { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height), seen = {};
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) { const key = `${data[i]},${data[i + 1]},${data[i + 2]}`; seen[key] = (seen[key] ?? 0) + 1; }
    return seen;
}"""


LEVELS = {1: [(rps, 0) for rps in (50, 100, 200, 500, 1000, 2000, 5000)], 2: [(0, eps) for eps in (100, 500, 1000, 2000, 5000, 10000)],
          3: [(50, 100), (100, 500), (200, 1000), (500, 2000), (1000, 5000)], 4: [(500, 2000)], 5: [(0, 1000)]}
STATEMENT = "UPDATE user_goal_progress SET progress = folded.progress, status = CASE WHEN folded.progress >= folded.target THEN 'completed' ELSE 'in_progress' END FROM unnest($1::text[], $2::text[]) AS folded"


@pytest.fixture(scope="module")
def campaign_report(tmp_path_factory):
    """gauntlet report on the results of a whole campaign, wide lines, long reasons and all."""
    project = tmp_path_factory.mktemp("campaign")
    results = project / "test/results"
    for part in ("config", "migrations", ".env.example"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, project / part)
    levels = []
    for scenario, loads in LEVELS.items():
        (results / f"scenario{scenario}").mkdir(parents=True)
        for index, (rps, eps) in enumerate(loads):
            state = "failed" if scenario < 4 and index == len(loads) - 2 else "skipped" if scenario < 4 and index == len(loads) - 1 else "held"
            name = "_".join(part for part in (f"{rps}rps" if rps else "", f"{eps}eps" if eps else "") if part)
            result = f"scenario{scenario}/" + ("results.json" if scenario > 3 else f"level_{name}.json")
            levels.append({"scenario": scenario, "target_rps": rps, "target_eps": eps, "duration_s": 20, "state": state, "result": result, "started": 1.7e9, "ended": 1.7e9 + 20,
                           "reason": "" if state == "held" else f"only {rps * 0.9:.0f} requests/s and {eps * 0.9:.0f} events/s were reached; the generator's machine had no CPU left, so that 12.3 % of its iterations started late",
                           "achieved_rps": rps * 0.97, "achieved_eps": eps * 0.97, "wall_s": 21, "cpu_s": {"generator": 3, "services": 2, "database": 4}})
            times = {"avg": 3.1, "min": 0.4, "med": 2.2 + index, "max": 2041.7, "p(90)": 5.5, "p(95)": 8.25 * (index + 1), "p(99)": 31.5 * (index + 1)}
            if state != "skipped":
                (results / result).write_text(json.dumps({"metrics": {"iterations": {"values": {"count": 20 * (rps + eps)}}, "http_reqs": {"values": {"count": 20 * rps}}, "grpc_reqs": {"values": {"count": 20 * eps}},
                                                                      "http_req_duration": {"values": times}, "grpc_req_duration": {"values": times}},
                                                          "series": [{"t": 0, "seconds": 20, "metrics": {}}]}))
    (results / "campaign.json").write_text(json.dumps({"size": "quick", "started": 1.7e9, "environment": {"cpu": "A CPU with a long name @ 2.60GHz", "cores": "2", "kernel": "Linux 6.1"}, "levels": levels}))
    top = "Type: cpu\n" + "".join(f"{flat:>10} 4.2% {flat:>10} gauntlet::service::ready_blocks::{'a_long_name_of_a_function_' * 4}<std::basic_string<char>>\n" for flat in ("0.81s", "0.60s", "0.12s"))
    for name in ("cpu", "event-handler_cpu", "heap"):
        (results / f"scenario3/{name}_500rps_2000eps.top.txt").write_text(top)
        (results / f"scenario3/{name}_500rps_2000eps.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 100"><rect width="1200" height="100" fill="#e8a33d"/></svg>')
    (results / "scenario4/query_analysis.txt").write_text("== Slowest statements on user_goal_progress ==\n" + f" {STATEMENT} | 4711 | 12.345 |\n" * 5)
    done = subprocess.run([GAUNTLET, "--project", project, "report"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return results / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_campaigns_report_suits_readers_and_paper(campaign_report, open_tab, scheme):
    for width in (1280, 360):
        tab = open_tab(campaign_report.as_uri(), offline=True, width=width, scheme=scheme)
        assert tab.axe() == [], (width, scheme)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.page.locator("svg.chart").count() == 6, "two for each scenario with several levels; of CPU nothing was recorded"
    on_paper(tab, scheme)
    assert_it_suits_paper(tab)
    assert tab.axe() == []
    assert tab.page.evaluate("[...document.querySelectorAll('img.flame')].every((image) => image.getBoundingClientRect().height > 20)"), "what is folded on the screen is printed"
    pdf = tab.page.pdf(format="A4", margin={side: "10mm" for side in ("top", "right", "bottom", "left")})
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") <= 16
    assert tab.complaints == []


def test_the_pages_source_is_well_typed():
    web = ROOT / "build" / "_deps" / "web"
    checked = subprocess.run([web / "node", web / "node_modules" / "typescript" / "bin" / "tsc", "-p", ROOT / "web"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
