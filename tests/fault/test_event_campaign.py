"""The event handler under every fault of the campaign once, in its short form; make faults N=1000 runs the long one."""
import os
import pathlib
import re
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "build" / "release" / "bin" / "event-faults"


def test_no_acknowledged_event_is_lost_or_counted_twice_under_any_fault():
    ended = subprocess.run([PROGRAM, "--faults", "14"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "lost = 0  doubled = 0  older value on top = 0" in ended.stdout
    assert len(re.findall(r"^ +\d+ x ", ended.stdout, re.MULTILINE)) == 14, ended.stdout


def test_the_campaign_sees_a_handler_that_answers_before_it_commits():
    ended = subprocess.run([PROGRAM, "--faults", "4", "--only", "kill -9 of the handler"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=300, env={**os.environ, "BUFFER_FLUSH_INTERVAL": "1s"})
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert int(re.search(r"lost = (\d+)", ended.stdout)[1]) > 0, ended.stdout


def test_the_campaign_sees_a_handler_that_forgets_event_ids():
    ended = subprocess.run([PROGRAM, "--faults", "1", "--only", "statements cancelled"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=300, env={**os.environ, "EVENT_DEDUP": "off"})
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert int(re.search(r"doubled = (\d+)", ended.stdout)[1]) > 0, ended.stdout


def test_a_campaign_that_is_stopped_judges_what_it_has():
    campaign = subprocess.Popen([PROGRAM, "--faults", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)
    told = campaign.stderr.readline()
    assert re.fullmatch(r"\d+ of 1000 faults after \d+ s, about \d+ s to go; \d+ events acknowledged\n", told), told
    os.killpg(campaign.pid, signal.SIGINT)  # as Ctrl-C does
    out, problems = campaign.communicate(timeout=300)
    assert campaign.returncode == 0, out + problems
    assert "lost = 0  doubled = 0  older value on top = 0" in out
    assert 0 < int(re.search(r"^faults (\d+) ", out, re.MULTILINE)[1]) < 1000, out
