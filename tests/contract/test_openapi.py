"""Schemathesis asks what /apidocs/api.json describes, and more; every answer must be one that the document names."""
import pathlib
import re
import subprocess
import sys

import pytest

from mock_platform import real_rewards, running_platform
from service_under_test import running_service

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE / "contract_challenges.json"


def findings(service, *arguments):
    done = subprocess.run([pathlib.Path(sys.executable).parent / "schemathesis", "--no-color", "--config-file", HERE / "schemathesis.toml", "run",
                           f"{service.base_url}/apidocs/api.json", "--checks", "all", "--seed", "1", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, cwd=HERE)
    assert re.search(r"Tested: *9", done.stdout), done.stdout
    return "" if done.returncode == 0 else done.stdout


def test_every_answer_is_one_that_the_document_describes(service):
    assert not findings(service, "--max-examples", "40", "--header", "x-mock-user-id: schemathesis")


def test_document_of_a_service_that_checks_tokens_says_so_and_is_kept(database):
    with running_platform() as platform:
        with running_service(database, CONFIG, **real_rewards(platform, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true")) as service:
            document = service.request("GET", "/apidocs/api.json").json
            assert set(document["securityDefinitions"]) == {"Bearer"}
            assert {"401", "403"} <= set(document["paths"]["/v1/challenges"]["get"]["responses"])
            assert not findings(service, "--max-examples", "10", "--phases", "coverage,fuzzing",
                                "--header", f"Authorization: Bearer {platform.token(sub='schemathesis')}")
