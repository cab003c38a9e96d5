"""The contract's table, cases.json, asked by `gauntlet contract-test` as a user asks it."""
import json
import os
import pathlib
import subprocess

import pytest

from service_under_test import BIN, running_service

HERE = pathlib.Path(__file__).resolve().parent
CASES = [f"{case['section']} {case['case']}" for case in json.loads((HERE / "cases.json").read_text())]


@pytest.fixture(scope="module")
def verdicts(database, service, tmp_path_factory):
    report = tmp_path_factory.mktemp("contract") / "report.json"
    done = subprocess.run([BIN / "gauntlet", "contract-test", "--base-url", service.base_url, "--grpc", service.grpc, "--with-database",
                           "--program", BIN / "challenge-service", "--json", report],
                          env={**os.environ, **service.environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert report.exists(), done.stderr
    read = {f"{one['section']} {one['case']}": one for one in json.loads(report.read_text())}
    assert done.returncode == (1 if any(one["verdict"] == "FAILED" for one in read.values()) else 0)
    assert service.sql("SELECT count(*) FROM user_goal_progress WHERE user_id LIKE 'contract-%'") == [["0"]], "its players are forgotten"
    return read


@pytest.mark.parametrize("case", CASES)
def test_case_of_the_contract(verdicts, case):
    assert verdicts[case]["verdict"] == "passed", verdicts[case]["reason"]


def contract_test(*arguments):
    done = subprocess.run([BIN / "gauntlet", "contract-test", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_printed_config_is_the_one_the_cases_are_written_for():
    assert json.loads(contract_test("--print-config")[1]) == json.loads((HERE / "contract_challenges.json").read_text())


def test_there_are_at_least_150_cases():
    assert contract_test("--list")[1].splitlines()[-1] == f"{len(CASES)} cases" and len(CASES) >= 150


def test_service_that_is_not_there_is_told_from_one_that_fails():
    ended, _, said = contract_test("--base-url", "http://127.0.0.1:1/challenge")
    assert ended not in (0, 1) and "127.0.0.1" in said


def test_service_with_other_challenges_is_told_what_to_run_with(database):
    with running_service(database, HERE / "recorded_challenges.json") as other:
        ended, _, said = contract_test("--base-url", other.base_url)
    assert ended != 0 and "--print-config" in said


def test_program_that_takes_every_config_fails(tmp_path):
    lax = tmp_path / "lax"
    lax.write_text("#!/bin/sh\nexit 0\n")
    lax.chmod(0o755)
    ended, said, _ = contract_test("--program", lax, "--only", "config: target 0")
    assert ended == 1 and "FAILED 3 config: target 0: the config is not refused" in said
