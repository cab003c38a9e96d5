"""gauntlet campaign on a real stack, scaled down: the guide's result files, profiles that Go reads, and Ctrl-C."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from lab_project import results_of
from test_stack import is_alive

INTERRUPTED = 130
GO = shutil.which("go") or ("/usr/local/go/bin/go" if pathlib.Path("/usr/local/go/bin/go").exists() else None)


def test_ctrl_c_leaves_no_process_and_no_half_level(campaign, lab):
    for moment, finished in zip(campaign["interrupted"], ([], [1], [1, 2])):
        assert moment["code"] == INTERRUPTED, moment["said"]
        assert not any(is_alive(pid) for pid in moment["children"])
        assert moment["leftover"] == moment["half_written"] == []
        assert [level["scenario"] for level in moment["finished"]] == finished
    assert lab.all_healthy()  # it was up before, so it stays up


def test_resume_keeps_finished_levels_and_does_the_rest(campaign, lab):
    assert "scenario 1: 50 RPS for" not in campaign["resumed"] and "scenario 2: 100 EPS for" not in campaign["resumed"]
    levels = campaign["levels"]
    assert [level["scenario"] for level in levels] == [1, 2, 3]
    assert levels[:2] == campaign["interrupted"][-1]["finished"]
    assert {level["state"] for level in levels} == {"held"}
    assert "scenario 3: holds 50 RPS + 100 EPS" in campaign["resumed"]


def test_each_level_has_the_guides_file_and_what_was_seen(campaign, lab):
    for name in ("scenario1/level_50rps", "scenario2/level_100eps", "scenario3/level_50rps_100eps"):
        summary = json.loads((results_of(lab) / f"{name}.json").read_text())
        assert summary["metrics"]["iterations"]["values"]["count"] > 0
        assert (results_of(lab) / f"{name}.monitor/monitor.sqlite").exists()
        assert (results_of(lab) / f"{name}.monitor/process.csv").exists()


@pytest.mark.parametrize("name", ["cpu", "heap", "goroutine", "event-handler_cpu", "event-handler_heap", "event-handler_goroutine"])
def test_scenario_3_leaves_profiles_under_the_guides_names(campaign, lab, name):
    folder = results_of(lab) / "scenario3"
    profile = folder / f"{name}_50rps_100eps.txt"
    assert profile.read_bytes()[:2] == b"\x1f\x8b", "pprof's gzipped protobuf, despite its ending"
    assert (folder / f"{name}_50rps_100eps.top.txt").read_text().startswith("Type: ")
    assert (folder / f"{name}_50rps_100eps.svg").read_text().startswith("<svg")
    if GO is None:
        pytest.skip("no Go toolchain to ask")
    top = subprocess.run([GO, "tool", "pprof", "-top", profile], capture_output=True, text=True, timeout=60)
    assert top.returncode == 0, top.stderr
    assert re.search(r"flat%\s+sum%\s+cum", top.stdout), top.stdout


def test_scenario_4_has_the_monitor_and_the_analysis(campaign, lab):
    folder = results_of(lab) / "scenario4"
    assert (folder / "results.json").exists()
    assert len((folder / "db_monitor.log").read_text().splitlines()) >= 2
    assert "== Slowest statements on user_goal_progress" in (folder / "query_analysis.txt").read_text()


def test_scenario_5_measures_the_way_from_an_event_to_the_api(campaign, lab):
    folder = results_of(lab) / "scenario5"
    metrics = json.loads((folder / "visibility.json").read_text())["metrics"]
    seen = metrics["event_to_visibility"]["values"]
    assert 0 < seen["min"] <= seen["p(99)"] < 10_000
    assert metrics["visibility_resolution"]["values"]["max"] >= 0
    assert metrics["checks"]["values"]["rate"] == 1
    assert "buffer flush" in (folder / "flush_timing.log").read_text()


def test_run_all_scenarios_is_the_campaigns_thin_face(lab):
    # That it runs is in tests/guide.
    wrong = lab.shell("./test/scripts/run_all_scenarios.sh --scenario 6")
    assert wrong.returncode == 2 and "--scenario" in wrong.stderr
