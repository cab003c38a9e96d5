"""What somebody sends who means harm: each is refused cheaply, the service goes on answering others, and never says 5xx."""
import contextlib
import pathlib
import re
import resource
import select
import socket
import struct
import time
import urllib.parse

import pytest

from mock_platform import real_rewards, running_platform
from service_under_test import ROOT, running_service
from test_platform import BAD_TOKENS

pytestmark = pytest.mark.alone

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
HEAD = b"Host: h\r\n"
POST = b"POST /challenge/v1/challenges/initialize HTTP/1.1\r\n" + HEAD
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
# What a proxy in front might take for the body of the request before it, and we for a request.
SMUGGLED = b"GET /challenge/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def service(database):
    with running_service(database, CONFIG) as running:
        yield running


def connect(service):
    url = urllib.parse.urlsplit(service.base_url)
    return socket.create_connection((url.hostname, url.port), timeout=20)


def get(target):
    return b"GET " + target + b" HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"


def select_goals(body):
    return (b"POST /challenge/v1/challenges/ladder/goals/batch-select HTTP/1.1\r\nConnection: close\r\n" + HEAD
            + b"Content-Length: %d\r\n\r\n" % len(body) + body)


# name -> what is sent, the statuses of the answers that come until the connection ends
ATTACKS = {
    "length, then chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "chunks, then length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "two lengths": (POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED, [400]),
    "list of lengths": (POST + b"Content-Length: 0, 44\r\n\r\n" + SMUGGLED, [400]),
    "signed length": (POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED, [400]),
    "coding that is nearly chunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [501]),
    "coding behind chunked": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED, [501]),
    "blank before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "folded header": (POST + b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "chunk size that is none": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "chunk size beyond 64 bits": (POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + SMUGGLED, [400]),
    "chunk longer than it says": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "chunk without an end": (CHUNKED + b"2\r\n{}XX0\r\n\r\n" + SMUGGLED, [400]),
    "chunk size that ends in CR and another byte": (CHUNKED + b"2\rX{}\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "line feed in a chunk's extension": (CHUNKED + b"2;a\nb\r\n{}\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "last chunk that ends in CR and another byte": (CHUNKED + b"2\r\n{}\r\n0\rX\r\n" + SMUGGLED, [400]),
    "trailers that end in CR and another byte": (CHUNKED + b"2\r\n{}\r\n0\r\n\rX" + SMUGGLED, [400]),
    "head that ends in CR and another byte": (b"GET /challenge/healthz HTTP/1.1\r\nHost: h\r\n\rX" + SMUGGLED, [400]),
    "NUL in a header": (b"GET /challenge/healthz HTTP/1.1\r\nHost: h\r\nX-A: a\0b\r\n\r\n" + SMUGGLED, [400]),
    "line end in a header": (b"GET /challenge/healthz HTTP/1.1\r\nHost: h\r\nX-A: a\rb\r\n\r\n" + SMUGGLED, [400]),
    "two hosts": (b"GET /challenge/healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED, [400]),
    "endless header": (b"GET /challenge/healthz HTTP/1.1\r\nHost: h\r\nX-A: " + b"a" * 100_000, [431]),
    "endless target": (b"GET /" + b"a" * 100_000, [431]),
    "ten thousand headers": (b"GET /challenge/healthz HTTP/1.1\r\nHost: h\r\n" + b"a:b\r\n" * 10_000, [431]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n", [400]),
    "HTTP/2 that is none": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100, []),
    "path upwards": (get(b"/challenge/apidocs/../../../../etc/passwd"), [404]),
    "path upwards, encoded": (get(b"/challenge/apidocs/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd"), [404]),
    "path upwards, encoded twice": (get(b"/challenge/apidocs/%252e%252e%252fetc%252fpasswd"), [404]),
    "path upwards, backslashes": (get(b"/challenge/apidocs/..\\..\\etc\\passwd"), [404]),
    "path upwards, overlong UTF-8": (get(b"/challenge/v1/challenges/%c0%ae%c0%ae%c0%af"), [400, 404]),
    "a goal whose name is a path": (get(b"/challenge/v1/challenges/..%2f..%2fetc%2fpasswd/rotation"), [404]),
    "NUL in an id": (get(b"/challenge/v1/challenges/ladder%00/rotation"), [400, 404]),
    "no UTF-8 in an id": (get(b"/challenge/v1/challenges/%ff%fe/rotation"), [400, 404]),
    "no UTF-8 in the path": (get(b"/challenge/v1/challenges/\xff\xfe/rotation"), [400, 404]),
    "SQL in an id": (get(b"/challenge/v1/challenges/x';DROP%20TABLE%20user_goal_progress;--/rotation"), [404]),
    "no UTF-8 in the player": (b"GET /challenge/v1/challenges HTTP/1.1\r\nConnection: close\r\nHost: h\r\nx-mock-user-id: \xff\xfe\r\n\r\n", [400]),
    "SQL in the player": (b"GET /challenge/v1/challenges/nothing HTTP/1.1\r\nConnection: close\r\nHost: h\r\nx-mock-user-id: ' OR '1'='1\r\n\r\n", [404]),
    "body that is no UTF-8": (select_goals(b'{"goal_ids":["\xff\xfe"]}'), [400]),
    "body with half a surrogate": (select_goals(rb'{"goal_ids":["\ud800"]}'), [400]),
    "body with NUL": (select_goals(rb'{"goal_ids":["a\u0000b"]}'), [400, 404]),
    "body of 100,000 brackets": (select_goals(b"[" * 100_000), [400]),
    "body of 100,000 objects in each other": (select_goals(b'{"x":' * 100_000), [400]),
    "body with a number beyond all": (select_goals(b'{"goal_ids":["g"],"replace_existing":1e999}'), [400]),
    "body of another type": (select_goals(b'{"goal_ids":{"a":1}}'), [400]),
    "body cut off": (select_goals(b'{"goal_ids":["rung'), [400]),
}


def statuses_of(service, sent):
    """The statuses of all answers to `sent` until the service ends the connection."""
    with connect(service) as connection:
        with contextlib.suppress(OSError):  # it may have been refused before it is all sent
            connection.sendall(sent)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused_and_nothing_behind_it_is_served(service, name):
    sent, expected = ATTACKS[name]
    answered = statuses_of(service, sent)
    print(f"{name}: {answered}")
    assert len(answered) <= 1 and (answered[0] in expected if expected else answered == [])
    assert service.request("GET", "/healthz").status == 200


def resident_bytes(service):
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_body_of_100_mb_is_refused_without_being_kept(service, framing):
    before = resident_bytes(service)
    size, piece = 100_000_000, b"x" * 1_000_000
    with connect(service) as connection:
        connection.sendall(POST + (b"Content-Length: %d\r\n\r\n" % size if framing == "length" else b"Transfer-Encoding: chunked\r\n\r\n"))
        with contextlib.suppress(OSError):
            for _ in range(size // len(piece)):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunks" else piece)
        received = b""
        with contextlib.suppress(OSError):
            received = connection.recv(65536)
        # The refusal can be read for 2 s; a client that still sends by then finds the connection reset.
        assert received == b"" or received.startswith(b"HTTP/1.1 413 ")
    assert resident_bytes(service) - before < 20_000_000
    assert statuses_of(service, POST + b"Content-Length: %d\r\n\r\n" % size) == [413], "at once where it is announced"


def test_connections_that_never_finish_a_request_are_given_up_and_do_not_delay_others(service):
    """Slowloris: 300 clients that send a request's head byte by byte, and 300 its body."""
    beginnings = [b"GET /challenge/healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ", POST + b"Content-Length: 1000\r\n\r\n{"]
    slow = [connect(service) for _ in range(600)]
    for number, connection in enumerate(slow):
        connection.sendall(beginnings[number % 2])
    open_ones = {connection.fileno(): connection for connection in slow}
    poll = select.poll()
    for number in open_ones:
        poll.register(number, select.POLLIN)
    statuses = []
    give_up = time.monotonic() + 40
    while open_ones and time.monotonic() < give_up:
        assert service.request("GET", "/healthz").status == 200, "others are answered meanwhile"
        for number, _ in poll.poll(200):
            poll.unregister(number)
            connection = open_ones.pop(number)
            with contextlib.suppress(OSError):
                statuses += re.findall(rb"HTTP/1\.1 (\d{3}) ", connection.recv(65536))
            connection.close()
        for connection in open_ones.values():
            with contextlib.suppress(OSError):
                connection.send(b"a")
    assert not open_ones, f"{len(open_ones)} of 600 are still open"
    assert set(statuses) == {b"408"} and len(statuses) > 500


def test_ten_thousand_idle_connections_leave_room_for_others(database):
    wanted, (soft, hard) = 10_000, resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted + 500 if hard == resource.RLIM_INFINITY else min(hard, wanted + 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    connections = []
    try:
        with running_service(database, CONFIG) as service:
            before = resident_bytes(service)
            for _ in range(min(wanted, allowed - 500)):
                connections.append(connect(service))
                connections[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leaves nothing behind
            latencies = []
            for _ in range(20):
                began = time.monotonic()
                assert service.request("GET", "/v1/challenges", user="ann").status == 200
                latencies.append(time.monotonic() - began)
            grown = resident_bytes(service) - before
            print(f"{len(connections)} idle connections: {grown / len(connections):.0f} bytes each, the fastest of 20 lists in {min(latencies) * 1000:.1f} ms")
            assert grown < 100_000_000
            for connection in connections[:50]:  # and they are connections still
                connection.sendall(get(b"/challenge/healthz"))
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            for connection in connections:
                connection.close()
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def cpu_seconds(service):
    """Of all its threads, by the nanosecond."""
    tasks = pathlib.Path(f"/proc/{service.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def test_refusing_a_bad_token_costs_under_a_millisecond(database):
    """CPU, so that a busy machine measures the same; each kind of bad token 20 times."""
    repeats = 20
    with running_platform() as platform, running_service(
            database, CONFIG, **real_rewards(platform, PLUGIN_GRPC_SERVER_AUTH_ENABLED="true")) as service:
        service.request("GET", "/v1/challenges", headers={"authorization": f"Bearer {platform.token()}"})
        keys_before = platform.key_requests
        for name, (headers, status) in BAD_TOKENS.items():
            sent = headers(platform)
            before = cpu_seconds(service)
            assert {service.request("GET", "/v1/challenges", headers=sent).status for _ in range(repeats)} == {status}
            each_ms = (cpu_seconds(service) - before) * 1000 / repeats
            print(f"{name}: {status}, {each_ms:.3f} ms")
            assert each_ms < 1, name
        assert platform.key_requests - keys_before <= 4, "one a worker thread in 10 s at most"
