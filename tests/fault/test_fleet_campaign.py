"""Tests of three agents under every fault of the campaign once; make faults-fleet N=200 runs the long form."""
import pathlib
import subprocess
import sys

CAMPAIGN = pathlib.Path(__file__).resolve().parent / "fleet_campaign.py"


def test_no_fault_makes_a_leader_hang_or_count_twice():
    ended = subprocess.run([sys.executable, CAMPAIGN, "--faults", "25"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "faults 25  hangs = 0  double counts = 0" in ended.stdout, ended.stdout
