"""The scripts of test/examples do what their first lines say, against servers that look at what they get."""
import hashlib
import json
import os
import subprocess

from example_servers import chat_server, http_server
from test_engine_commands import GAUNTLET
from test_stack import ROOT


def ran(tmp_path, name, *flags, **variables):
    """Its results. All checks hold; thresholds on times say how quick this machine is, and are left out."""
    results = tmp_path / "results.json"
    process = subprocess.run([GAUNTLET, "run", "-q", "--no-color", "--require-all-ok", "--no-thresholds", "--out", f"json={results}", *flags,
                              ROOT / "test" / "examples" / name], env={**os.environ, **variables}, stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=120)
    assert process.returncode == 0 and "level=error" not in process.stderr, process.stdout + process.stderr
    return json.loads(results.read_text())["metrics"]


def count(metrics, name):
    return metrics[name]["values"]["count"]


def test_oauth_logs_in_once_a_user_and_refreshes(tmp_path):
    with http_server() as server:
        metrics = ran(tmp_path, "oauth.js", BASE_URL=f"http://127.0.0.1:{server.server_port}", DURATION="3s")
        logins = server.granted - count(metrics, "token_refreshes")
        assert logins == 5 and count(metrics, "token_refreshes") > 0
        assert sorted(server.revoked) == [f"user-{vu}" for vu in range(1, 6)]


def test_graphql_sends_json_and_tells_operations_apart(tmp_path):
    with http_server() as server:
        metrics = ran(tmp_path, "graphql.js", BASE_URL=f"http://127.0.0.1:{server.server_port}", DURATION="2s")
        assert count(metrics, "http_reqs") >= 45


def test_fifty_megabytes_are_uploaded_whole(tmp_path):
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(50 << 20))
    with http_server() as server:
        metrics = ran(tmp_path, "upload.js", BASE_URL=f"http://127.0.0.1:{server.server_port}", FILE=str(file),
                      SHA256=hashlib.sha256(file.read_bytes()).hexdigest())
        assert server.uploads == 8 and count(metrics, "data_sent") > 8 * 50 * 2**20


def test_a_chat_of_server_sent_events(tmp_path):
    with http_server() as server:
        metrics = ran(tmp_path, "sse_chat.js", BASE_URL=f"http://127.0.0.1:{server.server_port}", DURATION="2s")
        assert count(metrics, "sse_events") == 6 * count(metrics, "iterations") > 0, "five words and the end"
        assert metrics["sse_time_to_first_event"]["values"]["max"] > 0 and metrics["sse_time_between_events"]["values"]["max"] > 0


def test_a_chat_over_grpc_in_both_directions(tmp_path):
    with chat_server() as address:
        metrics = ran(tmp_path, "grpc_chat.js", ADDRESS=address, DURATION="2s")
        assert count(metrics, "grpc_streams_msgs_received") == 3 * count(metrics, "grpc_streams") > 0
