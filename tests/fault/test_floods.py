"""Clients that make the service hold, or do, more than one of them should: it stays small, sends them away and answers others."""
import concurrent.futures
import contextlib
import re
import select
import socket
import struct
import threading
import time
import urllib.parse

import hpack
import pytest
from grpc_reflection.v1alpha import reflection_pb2

from service_under_test import ROOT, running_service
from test_attacks import resident_bytes

pytestmark = pytest.mark.alone

CONFIG = ROOT / "tests" / "contract" / "contract_challenges.json"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE = 0, 1, 3, 4, 8
LIMITS = {"SERVICE_THREADS": "1", "CONNECTION_BYTES_MAX": "2097152", "HELD_BYTES_MAX": "8388608"}


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)


def rest_address(service):
    return urllib.parse.urlsplit(service.base_url).netloc


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def list_of(player):
    return [(":method", "GET"), (":path", "/challenge/v1/challenges"), (":scheme", "http"), (":authority", "h"), ("x-mock-user-id", player)]


def head_of(headers):
    """An HPACK block that says the same however often it is sent."""
    return hpack.Encoder().encode(headers, huffman=False)


class ClosedWindow:
    """An HTTP/2 client that asks and takes no byte of any answer."""

    def __init__(self, address):
        self.socket = connect(address)
        self.next_stream = 1
        self.received = b""
        self.ends = {}  # stream -> code of its reset
        self.heads = set()  # streams whose answer has begun
        self.closed = False
        self.send(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))  # INITIAL_WINDOW_SIZE
        self.read(0.1)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def ask(self, head, body=b""):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.send(frame(HEADERS, 4 if body else 5, stream, head) + (frame(DATA, 0, stream, body) if body else b""))
        return stream

    def read(self, timeout=0):
        """What is there, waiting so long for the first of it."""
        while not self.closed and select.select([self.socket], [], [], timeout)[0]:
            timeout = 0
            try:
                data = self.socket.recv(1 << 16)
            except OSError:
                data = b""
            self.closed = not data
            self.received += data
        while len(self.received) >= 9:
            size, kind, flags, stream = int.from_bytes(self.received[:3]), self.received[3], self.received[4], int.from_bytes(self.received[5:9])
            if len(self.received) < 9 + size:
                break
            payload, self.received = self.received[9:9 + size], self.received[9 + size:]
            if kind == RST_STREAM:
                self.ends[stream] = int.from_bytes(payload)
            elif kind == HEADERS:
                self.heads.add(stream)
            elif kind == SETTINGS and not flags & 1:
                self.send(frame(SETTINGS, 1, 0, b""))


def wait_until(condition, seconds=20):
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found


def metric(service, name):
    found = re.search("^" + re.escape(name) + r" (\S+)", service.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0


@contextlib.contextmanager
def others_are_answered(service, least=5):
    """While it lasts, another player asks again and again; each of its answers is 200."""
    stop, answers = threading.Event(), []

    def ask():
        while not stop.is_set() or len(answers) < least:
            began = time.monotonic()
            answers.append((service.request("GET", "/v1/challenges", user="ben").status, time.monotonic() - began))
            time.sleep(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    times = sorted(seconds for _, seconds in answers)
    print(f"{len(answers)} answers to another player meanwhile: median {times[len(times) // 2] * 1000:.1f} ms, p99 {times[int(len(times) * 0.99)] * 1000:.1f} ms")
    assert {status for status, _ in answers} == {200}


def test_answers_that_nobody_takes_are_bounded_for_one_connection_and_for_all(database):
    with running_service(database, CONFIG, **LIMITS) as service:
        before = resident_bytes(service)
        head = head_of([*list_of("mallory"), ("x-filler", "f" * 12_000)])  # what was asked is held as well
        with others_are_answered(service):
            clients = [ClosedWindow(rest_address(service)) for _ in range(12)]
            for client in clients:
                for _ in range(200):
                    client.ask(head)
                client.read(0.1)
            held = metric(service, "http_held_bytes")
        grown = resident_bytes(service) - before
        print(f"held {held / 1e6:.1f} MB, grown by {grown / 1e6:.1f} MB")
        assert held <= 8_388_608 + 65_536
        assert grown < 60_000_000
        assert metric(service, 'http_connections_closed_total{reason="memory"}') > 0
        for client in clients:
            client.socket.close()
        wait_until(lambda: metric(service, "http_held_bytes") < 100_000)


def test_answer_that_nobody_takes_is_given_up(database):
    with running_service(database, CONFIG, SLOW_CLIENT_TIMEOUT="300ms") as service:
        client = ClosedWindow(rest_address(service))
        streams = [client.ask(head_of(list_of("mallory"))) for _ in range(5)]
        wait_until(lambda: client.read(0.1) or len(client.ends) == 5)
        assert client.ends == {stream: 8 for stream in streams} and client.heads == set(streams)
        assert metric(service, 'http_streams_reset_total{reason="stalled"}') == 5
        assert metric(service, "http_held_bytes") < 100_000


def test_reflection_renders_nothing_ahead_for_a_client_that_does_not_read(database):
    """Without any token."""
    question = reflection_pb2.ServerReflectionRequest(file_containing_symbol="service.Service").SerializeToString()
    questions = (b"\0" + struct.pack(">I", len(question)) + question) * 100
    head = head_of([(":method", "POST"), (":path", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"), (":scheme", "http"),
                    (":authority", "h"), ("content-type", "application/grpc"), ("te", "trailers")])
    with running_service(database, CONFIG, **LIMITS) as service:
        before = resident_bytes(service)
        with others_are_answered(service):
            client = ClosedWindow(service.grpc)
            for _ in range(300):
                client.ask(head, questions)
                client.read()
            client.read(0.3)
        grown = resident_bytes(service) - before
        print(f"grown by {grown / 1e6:.1f} MB")
        assert grown < 40_000_000
        assert metric(service, 'http_streams_reset_total{reason="memory"}') > 0
        client.socket.close()


RESETS = {"cancelled by the client": lambda stream: frame(RST_STREAM, 0, stream, struct.pack(">I", 8)),
          "reset by the service, made to": lambda stream: frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7FFFFFFF))}


@pytest.mark.parametrize("how", RESETS)
def test_requests_that_are_reset_at_once_cost_no_query_and_delay_nobody(database, how):
    head = head_of(list_of("mallory"))
    with running_service(database, CONFIG, SERVICE_THREADS="1") as service:
        service.request("POST", "/v1/challenges/initialize", {}, "ben")
        with others_are_answered(service):
            for _ in range(3):
                with connect(rest_address(service)) as client:
                    pairs = [frame(HEADERS, 5, stream, head) + RESETS[how](stream) for stream in range(1, 40_000, 2)]
                    with contextlib.suppress(OSError):
                        client.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + b"".join(pairs))
                        while client.recv(1 << 16):
                            pass
        assert metric(service, 'http_connections_closed_total{reason="resets"}') == 3


def test_queries_whose_players_have_left_are_never_asked(database):
    """A lock on the table stands for a busy database: what is asked meanwhile waits, and is dropped when its client goes."""
    with running_service(database, CONFIG, SERVICE_THREADS="1", DB_MAX_OPEN_CONNS="1", QUEUE_TIME_MAX="0") as service:
        service.request("POST", "/v1/challenges/initialize", {}, "ben")
        with concurrent.futures.ThreadPoolExecutor() as threads:
            lock = threads.submit(service.sql, "BEGIN; LOCK TABLE user_goal_progress; SELECT pg_sleep(2); COMMIT")
            wait_until(lambda: service.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND database = "
                                           "(SELECT oid FROM pg_database WHERE datname = current_database())"))
            client = ClosedWindow(rest_address(service))
            for _ in range(500):
                client.ask(head_of(list_of("mallory")))
            client.read(0.3)
            answer = threads.submit(service.request, "GET", "/v1/challenges", None, "ben")
            client.socket.close()
            assert not lock.done()
            assert answer.result().status == 200
        # 16 at most had been sent; those of the player that left did not go before the other one's.
        wait_until(lambda: metric(service, "challenge_database_statements_dropped_total") >= 500 - 16)
