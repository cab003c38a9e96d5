"""Claims under every fault of the campaign once, in its short form; make faults-claims N=300 runs the long one."""
import pathlib
import re
import subprocess
import sys

CAMPAIGN = pathlib.Path(__file__).resolve().parent / "claim_campaign.py"


def campaign(*arguments):
    return subprocess.run([sys.executable, CAMPAIGN, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)


def test_every_player_has_one_reward_whatever_fails():
    ended = campaign("--faults", "13")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "faults 13 " in ended.stdout and "13 x" not in ended.stdout, "each fault once"
    assert "claimed without a reward = 0  rewarded twice = 0  rewarded without a claim = 0" in ended.stdout


def test_every_player_has_one_reward_of_a_platform_that_knows_no_keys_whatever_it_does():
    ended = campaign("--at-most-once", "--faults", "7")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"decided by an operator: \d+ granted", ended.stdout), "some were doubtful"
    assert "claimed without a reward = 0  rewarded twice = 0  rewarded without a claim = 0" in ended.stdout


def test_the_campaign_sees_a_platform_that_forgets_what_it_has_granted():
    ended = campaign("--forget-keys", "--faults", "2")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert int(re.search(r"rewarded twice = (\d+)", ended.stdout)[1]) > 0
