#!/usr/bin/env python3
"""Players who list their challenges and a platform that delivers events, until standard input ends; then what they saw, as JSON.

    load.py HTTP_HOST:PORT GRPC_HOST:PORT

A player's connection is kept; a GET whose connection breaks is asked once more on a new one, as HTTP clients do. An event is delivered
until it is acknowledged, under its id, as the platform does.
"""
import http.client
import itertools
import json
import pathlib
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "contract"))

import grpc  # noqa: E402

from event_handler import LOGIN, event_messages  # noqa: E402

PLAYERS, READERS, CHANNELS, SENDERS_OF_A_CHANNEL = 50, 8, 2, 6
PAUSE_S = 0.05
DEADLINE_S = 10
GIVES_UP_S = 60


class Load:
    def __init__(self, service, handler):
        self.service, self.handler, self.ended = service, handler, threading.Event()
        self.reads, self.events, self.acknowledged = [], [], []  # (when, seconds, attempts, what failed); players
        self.numbers = itertools.count()
        account, _ = event_messages()
        self.login = account.UserLoggedIn
        self.threads = [threading.Thread(target=self.read) for _ in range(READERS)]
        for _ in range(CHANNELS):
            call = grpc.insecure_channel(handler).unary_unary(LOGIN, lambda sent: sent.SerializeToString(), lambda answer: answer)
            self.threads += [threading.Thread(target=self.send, args=(call,)) for _ in range(SENDERS_OF_A_CHANNEL)]
        for thread in self.threads:
            thread.start()

    def read(self):
        connection = http.client.HTTPConnection(self.service, timeout=DEADLINE_S)
        while not self.ended.is_set():
            began, problem = time.time(), None
            for attempt in (1, 2):
                try:
                    connection.request("GET", "/challenge/v1/challenges", headers={"x-mock-user-id": f"user-{next(self.numbers) % PLAYERS}"})
                    answer = connection.getresponse()
                    answer.read()
                    problem = None if answer.status == 200 else f"status {answer.status}"
                    break
                except (OSError, http.client.HTTPException) as broken:
                    problem = type(broken).__name__
                connection.close()
            self.reads.append((began, time.time() - began, attempt, problem))
            time.sleep(PAUSE_S)

    def send(self, call):
        while not self.ended.is_set():
            number, began = next(self.numbers), time.time()
            player = f"user-{number % PLAYERS}"
            refusals, acknowledged = [], False
            while not acknowledged and time.time() < began + GIVES_UP_S:
                try:
                    call(self.login(id=f"login-{number}", user_id=player, namespace="test"), timeout=DEADLINE_S, wait_for_ready=True)
                    acknowledged = True
                except grpc.RpcError as refused:
                    refusals.append(f"{refused.code().name} {refused.details()}")
                    time.sleep(0.05)
            if acknowledged:
                self.acknowledged.append(player)
            self.events.append((began, time.time() - began, len(refusals) + 1, None if acknowledged else refusals[-1]))
            time.sleep(PAUSE_S)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return {"reads": self.reads, "events": self.events, "acknowledged": self.acknowledged}


if __name__ == "__main__":
    load = Load(*sys.argv[1:])
    sys.stdin.read()
    json.dump(load.end(), sys.stdout)
