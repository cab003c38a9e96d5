"""The stack's supervisor under each fault of the campaign once, in its short form; make faults-stack N=100 runs the long one."""
import pathlib
import subprocess
import sys

CAMPAIGN = pathlib.Path(__file__).resolve().parent / "stack_campaign.py"


def test_the_stack_comes_back_whatever_is_killed():
    ended = subprocess.run([sys.executable, CAMPAIGN, "--faults", "12"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.endswith("faults 12  came back 12  rows lost = 0  processes left = 0\n")
