"""An operator who profiles a service under load: all profiles at once, many callers, callers who leave."""
import concurrent.futures
import gzip
import http.client
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.error
import urllib.request

import pytest

from service_under_test import ROOT, running_service

pytestmark = pytest.mark.alone

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
SECONDS = float(os.environ.get("GAUNTLET_PROFILING_SECONDS", "20"))
KINDS = ["/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/pprof/goroutine", "/metrics"]


@pytest.fixture
def service(database):
    with running_service(database, CONFIG) as running:
        yield running


def get(url, timeout=10):
    with urllib.request.urlopen(urllib.request.Request(url, headers={"x-mock-user-id": "player"}), timeout=timeout) as answer:
        return answer.read()


def again_and_again(url, until):
    """How often it was answered; a TimeoutError is a service that has stopped. One that has too much to do may say so."""
    times = 0
    while time.monotonic() < until:
        try:
            get(url)
        except urllib.error.HTTPError as refused:
            if refused.code != 503:
                raise
        times += 1
    return times


def test_all_profiles_at_once_under_traffic_stop_nothing(service):
    """Locks of the loader, the unwinder and the allocator are wanted by samplers, signals' handlers and whoever names functions."""
    pprof = service.metrics_url + "/debug/pprof"
    end = time.monotonic() + SECONDS

    def profiles(url):  # one of its kind at a time, one after the other
        taken = []
        while (left := end - time.monotonic()) > 1:
            length = max(1, min(5, int(left)))
            taken.append(get(f"{url}?seconds={length}", timeout=length + 10))
        return taken

    with concurrent.futures.ThreadPoolExecutor(max_workers=32) as threads:
        cpu = threads.submit(profiles, pprof + "/profile")
        allocations = threads.submit(profiles, pprof + "/allocs")
        pages = [threads.submit(again_and_again, service.metrics_url + kind, end) for kind in KINDS for _ in range(2)]
        lists = [threads.submit(again_and_again, service.base_url + "/v1/challenges", end) for _ in range(2)]
        assert all(page.result() > 1 for page in pages) and all(done.result() > SECONDS for done in lists)
    for taken in (cpu.result(), allocations.result()):
        # Not only leaves: who called them is in it, up to the loop.
        assert any(b"gauntlet::base::EventLoop::run_once" in gzip.decompress(profile) for profile in taken)
    assert service.request("GET", "/healthz").status == 200


@pytest.mark.parametrize("path", ["/metrics", "/debug/pprof/goroutine"])
def test_callers_who_ask_at_the_same_time_share_one_answer(service, path):
    """However many ask, making answers takes a share of one core: threads are interrupted, the allocator locked, once for all of them."""
    get(service.metrics_url + "/debug/pprof/goroutine")  # symbols are read once
    address = urllib.parse.urlsplit(service.metrics_url)
    callers = [http.client.HTTPConnection(address.hostname, address.port, timeout=20) for _ in range(100)]
    for caller in callers:
        caller.request("GET", path)
    answers = {caller.getresponse().read() for caller in callers}  # each says when it was made, or the CPU time used so far
    print(f"{path}: {len(answers)} different answers to 100 callers")
    assert len(answers) < 50


@pytest.mark.parametrize("kind", ["profile", "allocs"])
def test_profile_whose_caller_has_gone_ends_and_lets_others_in(service, kind):
    address = urllib.parse.urlsplit(service.metrics_url)
    url = f"{service.metrics_url}/debug/pprof/{kind}"
    for leave in (lambda connection: connection.close(), lambda connection: connection.shutdown(socket.SHUT_WR)):
        connection = socket.create_connection((address.hostname, address.port))
        connection.sendall(f"GET /debug/pprof/{kind}?seconds=300 HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        while True:
            try:
                get(f"{url}?seconds=1")  # ours has been before his
            except urllib.error.HTTPError as refused:
                words = refused.read().decode()
                assert refused.code == 503 and "of 300 s, is being taken until " in words and 290 < int(refused.headers["retry-after"]) <= 300
                break
        leave(connection)
        give_up = time.monotonic() + 10
        while True:
            try:
                assert gzip.decompress(get(f"{url}?seconds=1"))
                break
            except urllib.error.HTTPError as refused:
                assert refused.code == 503 and time.monotonic() < give_up
        connection.close()
