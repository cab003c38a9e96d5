"""Request ids, trace context, and spans as a Zipkin collector gets them."""
import http.server
import json
import pathlib
import re
import threading
import time

import grpc
import pytest

from service_under_test import running_service, service_environment, start_that_fails

CONFIG = pathlib.Path(__file__).resolve().parent / "contract_challenges.json"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID, PARENT_ID = PARENT.split("-")[1:3]


def test_request_id_comes_back(service, player):
    answer = service.request("GET", "/v1/challenges/ladder", user=player, headers={"X-Request-Id": "from-the-gateway/1"})
    assert answer.headers["x-request-id"] == "from-the-gateway/1"


@pytest.mark.parametrize("sent", [None, "", "x" * 65, "two words", "tab\there"])
def test_request_without_a_usable_id_gets_a_new_one(service, sent):
    def ask():
        answer = service.request("GET", "/healthz", headers={} if sent is None else {"X-Request-Id": sent})
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        return answer.headers["x-request-id"]

    assert ask() != ask()


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/challenges/unknown"])
def test_refusals_carry_the_request_id_too(service, player, path):
    answer = service.request("GET", path, user=player, headers={"X-Request-Id": "abc"})
    assert (answer.status, answer.headers["x-request-id"]) == (404, "abc")


def test_traceparent_comes_back_with_the_services_own_span(service):
    answer = service.request("GET", "/healthz", headers={"traceparent": PARENT})
    version, trace, span, flags = answer.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE_ID, "01")
    assert re.fullmatch("[0-9a-f]{16}", span) and span != PARENT_ID


@pytest.mark.parametrize("sent", ["", "00-1-2-01", PARENT.upper(), PARENT.replace(TRACE_ID, "0" * 32), PARENT + "-more",
                                  "ff" + PARENT[2:]])
def test_malformed_traceparent_is_ignored(service, sent):
    answer = service.request("GET", "/healthz", headers={"traceparent": sent})
    assert answer.status == 200 and "traceparent" not in answer.headers


def test_later_version_of_traceparent_is_read_as_far_as_it_is_known(service):
    answer = service.request("GET", "/healthz", headers={"traceparent": "01" + PARENT[2:] + "-more"})
    assert answer.headers["traceparent"].startswith(f"00-{TRACE_ID}-")


def health_call(address, metadata):
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/service.Service/HealthCheck", request_serializer=bytes, response_deserializer=bytes)
        _, ended = call.with_call(b"", metadata=metadata, timeout=10)
        return dict(ended.initial_metadata())


def test_grpc_returns_the_ids_that_it_was_sent(service):
    got = health_call(service.grpc, [("x-request-id", "abc"), ("traceparent", PARENT)])
    assert got["x-request-id"] == "abc" and got["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert "x-request-id" not in health_call(service.grpc, [])


def test_failure_is_logged_with_its_ids(database):
    with running_service(database, CONFIG) as service:
        service.sql("ALTER TABLE user_goal_progress RENAME TO elsewhere")
        try:
            answer = service.request("GET", "/v1/challenges", user="ann", headers={"X-Request-Id": "ask-me", "traceparent": PARENT})
            assert answer.status == 500
        finally:
            service.sql("ALTER TABLE elsewhere RENAME TO user_goal_progress")
        line = next(line for line in service.log.read_text().splitlines() if "request failed" in line)
        assert "request_id=ask-me" in line and f"trace_id={TRACE_ID}" in line and "status=500" in line


class Collector(http.server.ThreadingHTTPServer):
    """Takes spans at /api/v2/spans, or answers 500 while `broken`."""

    def __init__(self):
        self.spans, self.requests, self.broken = [], 0, False
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}/api/v2/spans"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.requests += 1
            if not self.server.broken and self.path == "/api/v2/spans":
                self.server.spans += json.loads(body)
            self.send_response(500 if self.server.broken else 202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


@pytest.fixture
def collector():
    with Collector() as running:
        yield running
        running.shutdown()


def until(condition, service, seconds=20):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, service.log.read_text()
        time.sleep(0.02)


def test_spans_reach_the_collector(database, collector):
    with running_service(database, CONFIG, OTEL_EXPORTER_ZIPKIN_ENDPOINT=collector.endpoint, OTEL_SERVICE_NAME="challenges") as service:
        service.request("GET", "/v1/challenges/ladder", user="ann", headers={"traceparent": PARENT, "X-Request-Id": "abc"})
        service.request("GET", "/healthz", headers={"traceparent": PARENT[:-2] + "00"})  # the client records nothing
        health_call(service.grpc, [("traceparent", PARENT)])
        service.request("GET", "/v1/challenges/ladder", user="ann")
        until(lambda: len(collector.spans) >= 3, service)
    by_name = {}
    for span in collector.spans:
        by_name.setdefault(span["name"], []).append(span)
    assert set(by_name) == {"GET /challenge/v1/challenges/{challenge_id}", "/service.Service/HealthCheck"}
    ours = next(s for s in by_name["GET /challenge/v1/challenges/{challenge_id}"] if s["traceId"] == TRACE_ID)
    assert ours["parentId"] == PARENT_ID and ours["kind"] == "SERVER" and ours["localEndpoint"] == {"serviceName": "challenges"}
    assert ours["tags"] == {"http.status": "200", "request_id": "abc"}
    assert abs(ours["timestamp"] / 1e6 - time.time()) < 60 and 0 < ours["duration"] < 10e6
    assert by_name["/service.Service/HealthCheck"][0]["tags"]["grpc.status"] == "OK"


def test_broken_collector_costs_spans_only(database, collector):
    collector.broken = True
    with running_service(database, CONFIG, OTEL_EXPORTER_ZIPKIN_ENDPOINT=collector.endpoint) as service:
        assert service.request("GET", "/v1/challenges", user="ann").status == 200
        until(lambda: "spans not taken by the collector" in service.log.read_text(), service)
        until(lambda: re.search(r"challenge_spans_dropped_total [1-9]", service.metrics()), service)


def test_endpoint_that_is_no_address_stops_the_start(database):
    ended, said = start_that_fails(service_environment(database, "postgres", CONFIG, OTEL_EXPORTER_ZIPKIN_ENDPOINT="zipkin:9411"))
    assert ended == 2 and "OTEL_EXPORTER_ZIPKIN_ENDPOINT" in said and "zipkin:9411" in said
