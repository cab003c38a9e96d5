"""Claims under every fault of the campaign once, in its short form; make faults-claims N=300 runs the long one."""
import pathlib
import re
import subprocess
import sys

CAMPAIGN = pathlib.Path(__file__).resolve().parent / "claim_campaign.py"


def test_every_player_has_one_reward_whatever_fails():
    ended = subprocess.run([sys.executable, CAMPAIGN, "--faults", "11"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "claims 440 " in ended.stdout
    assert "claimed without a reward = 0  rewarded twice = 0  rewarded without a claim = 0" in ended.stdout


def test_the_campaign_sees_a_platform_that_forgets_what_it_has_granted():
    ended = subprocess.run([sys.executable, CAMPAIGN, "--faults", "7", "--forget-keys"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=600)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert int(re.search(r"rewarded twice = (\d+)", ended.stdout)[1]) > 0
