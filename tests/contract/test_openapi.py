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


def findings(service, folder, *arguments):
    done = subprocess.run([pathlib.Path(sys.executable).parent / "schemathesis", "--no-color", "--config-file", HERE / "schemathesis.toml", "run",
                           f"{service.base_url}/apidocs/api.json", "--checks", "all", "--seed", "1", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, cwd=folder)
    assert re.search(r"Tested: *9", done.stdout), done.stdout
    return "" if done.returncode == 0 else done.stdout


def test_every_answer_is_one_that_the_document_describes(service, tmp_path):
    assert not findings(service, tmp_path, "--max-examples", "40", "--header", "x-mock-user-id: schemathesis")


def test_document_of_a_service_that_checks_tokens_says_so_and_is_kept(database, tmp_path):
    with running_platform() as platform:
        with running_service(database, CONFIG, **real_rewards(platform, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true")) as service:
            document = service.request("GET", "/apidocs/api.json").json
            assert set(document["securityDefinitions"]) == {"Bearer"}
            assert {"401", "403"} <= set(document["paths"]["/v1/challenges"]["get"]["responses"])
            assert not findings(service, tmp_path, "--max-examples", "10", "--phases", "coverage,fuzzing",
                                "--header", f"Authorization: Bearer {platform.token(sub='schemathesis')}")


def test_every_path_allows_the_methods_of_the_document_and_head_where_there_is_get(service):
    for path, operations in service.request("GET", "/apidocs/api.json").json["paths"].items():
        filled = path.format(challenge_id="ladder", goal_id="rung-1")
        allowed = {method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set())
        for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} - allowed:
            answer = service.request(method, filled)
            assert (answer.status, answer.headers.get("allow")) == (405, ", ".join(sorted(allowed))), f"{method} {path}"
            assert method == "HEAD" or answer.json == {"code": 12, "message": "Method Not Allowed", "details": []}
        if "get" in operations:
            head, get = service.request("HEAD", filled), service.request("GET", filled)
            assert (head.status, head.text) == (200, "")
            assert head.headers["content-length"] == str(len(get.text.encode())), path
