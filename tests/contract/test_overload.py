"""What a client sees when the service or its database cannot keep up, and while it stops."""
import concurrent.futures
import pathlib
import signal
import time
import urllib.error
import urllib.request

import pytest

from service_under_test import running_service

CONFIG = pathlib.Path(__file__).resolve().parent / "contract_challenges.json"

pytestmark = pytest.mark.usefixtures("database")


def test_player_beyond_its_rate_is_told_to_wait_and_others_are_not(database):
    with running_service(database, CONFIG, RATE_LIMIT_PER_PLAYER="0.01", RATE_LIMIT_BURST="3") as service:
        statuses = [service.request("GET", "/v1/challenges", user="ann").status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        refused = service.request("POST", "/v1/challenges/initialize", {}, "ann")
        assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, 8, "1")
        assert service.request("GET", "/v1/challenges", user="ben").status == 200
        assert service.request("GET", "/healthz").status == 200
        assert 'challenge_requests_shed_total{reason="rate"} 3' in service.metrics()


def test_without_a_limit_nobody_is_refused(database):
    with running_service(database, CONFIG) as service:  # its own: other cases restart the database under the shared one
        assert {service.request("GET", "/v1/challenges/ladder", user="ann").status for _ in range(50)} == {200}


def test_while_the_database_stalls_requests_are_refused_at_once_and_come_back(database):
    """A lock on the table stands for a stalled disk: what was sent before waits for it, what comes later is refused."""
    with running_service(database, CONFIG, QUEUE_TIME_MAX="200ms", SERVICE_THREADS="1", DB_MAX_OPEN_CONNS="1") as service:
        service.request("POST", "/v1/challenges/initialize", {}, "ann")
        with concurrent.futures.ThreadPoolExecutor() as threads:
            lock = threads.submit(service.sql, "BEGIN; LOCK TABLE user_goal_progress; SELECT pg_sleep(4); COMMIT")
            while not service.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND database = "
                                  "(SELECT oid FROM pg_database WHERE datname = current_database())"):
                assert not lock.done()
            answers = []
            while not lock.done():  # one after the other is refused, once the first ones have waited long enough
                answers.append(threads.submit(service.request, "GET", "/v1/challenges", None, "ann"))
                time.sleep(0.05)
            answers = [answer.result() for answer in answers]
        refused = [answer for answer in answers if answer.status == 503]
        assert {answer.status for answer in answers} == {200, 503} and answers[0].status == 200
        assert all(a.headers["retry-after"] == "1" and a.json["code"] == 14 for a in refused)
        assert service.request("GET", "/v1/challenges", user="ann").status == 200


def test_sigterm_takes_readiness_away_first(database):
    with running_service(database, CONFIG, SHUTDOWN_READINESS_DELAY="2s", expect_exit=None) as service:
        service.process.send_signal(signal.SIGTERM)
        readiness = 200
        while readiness == 200:
            try:
                urllib.request.urlopen(service.metrics_url + "/readyz", timeout=10)
            except urllib.error.HTTPError as answer:
                readiness = answer.code
        assert readiness == 503
        assert service.request("GET", "/v1/challenges", user="ann").status == 200, "balancers have not noticed yet"
        assert service.process.wait(20) == 0, service.log.read_text()
