"""`gauntlet ags-mock` as the platform of those who have no credentials."""
import json
import os
import pathlib
import subprocess
import urllib.error

import pytest

from mock_platform import real_rewards, running_platform
from service_under_test import BIN, ROOT, running_service

CONFIG = pathlib.Path(__file__).resolve().parent / "contract_challenges.json"


@pytest.fixture(scope="module")
def platform():
    with running_platform("--client-id", "client", "--client-secret", "secret") as running:
        yield running


def generate_tokens(platform, folder, **variables):
    environment = {**os.environ, "GAUNTLET": str(BIN / "gauntlet"), "AGS_BASE_URL": platform.url, "AGS_CLIENT_ID": "client",
                   "AGS_CLIENT_SECRET": "secret", "AGS_NAMESPACE": "test", **variables}
    environment.pop("MOCK_MODE", None)
    return subprocess.run([ROOT / "test" / "scripts" / "generate_tokens.sh", "--users", "3", "--out", folder], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_generated_tokens_are_taken_by_a_service_that_checks_them(platform, database, tmp_path):
    done = generate_tokens(platform, tmp_path)
    assert done.returncode == 0, done.stderr
    tokens = json.loads((tmp_path / "tokens.json").read_text())
    assert len(tokens) == 3
    token = tokens[0] if isinstance(tokens[0], str) else tokens[0]["token"]
    with running_service(database, CONFIG, **real_rewards(platform, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true")) as service:
        answer = service.request("POST", "/v1/challenges/initialize", {}, headers={"authorization": f"Bearer {token}"})
        assert answer.status == 200, answer.text
        assert service.sql("SELECT DISTINCT user_id FROM user_goal_progress") == [["client"]]


def test_wrong_secret_gives_no_tokens(platform, tmp_path):
    done = generate_tokens(platform, tmp_path, AGS_CLIENT_SECRET="guess")
    assert done.returncode == 1 and "AGS_CLIENT_SECRET" in done.stderr and not (tmp_path / "tokens.json").exists()


def test_player_logs_in_with_a_password(platform):
    done = subprocess.run(["curl", "-sS", "-u", "client:secret", "--data", "grant_type=password&username=ann&password=x",
                           f"{platform.url}/iam/v3/oauth/token"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["user_id"] == "ann"


@pytest.mark.parametrize("faults,words", [({"lie": 2}, "lie"), ({"lie": 0.6, "cut": 0.6}, "more than 1"), ({"next": ["explode"]}, "next"),
                                          ({"latencyMs": [5, 1]}, "latencyMs"), ({"slow": 1}, "slow")])
def test_faults_that_do_not_exist_are_refused_by_name(platform, faults, words):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        platform.faults(**faults)
    assert refusal.value.code == 400 and words in json.load(refusal.value)["message"]
    done = subprocess.run([BIN / "gauntlet", "ags-mock", "--faults", json.dumps(faults)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 3 and words in done.stderr


def grant(platform, authorization, body=None):
    return subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-H", f"Authorization: {authorization}",
                           "-d", json.dumps(body or {"amount": 1}), f"{platform.url}/platform/admin/namespaces/test/users/ann/wallets/GEMS/credit"],
                          capture_output=True, text=True, check=True).stdout


def test_only_its_client_may_grant(platform):
    assert grant(platform, "Bearer " + platform.token()) == "401", "a player's token"
    assert grant(platform, "Basic Y2xpZW50OnNlY3JldA==") == "401"
    assert platform.grants("ann") == []
