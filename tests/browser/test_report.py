"""The report of a run: one HTML file that needs nothing else."""
import subprocess

from conftest import ROOT
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


def test_the_report_prints_on_paper_with_its_charts(finished_run, open_tab):
    tab = open_tab(finished_run.report.as_uri())
    tab.page.wait_for_selector("#verdict:not([hidden])")
    pdf = tab.page.pdf(format="A4", print_background=True)
    assert pdf.startswith(b"%PDF") and 1 <= pdf.count(b"/Type /Page\n") <= 8
    assert len(pdf) > 30_000, "charts are images in it"


def test_the_pages_source_is_well_typed():
    web = ROOT / "build" / "_deps" / "web"
    checked = subprocess.run([web / "node", web / "node_modules" / "typescript" / "bin" / "tsc", "-p", ROOT / "web"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
