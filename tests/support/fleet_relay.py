#!/usr/bin/env python3
"""Carries the words between a leader and an agent, and does one thing to them: fleet_relay.py FAULT TRIGGER COMMAND...

It relays standard input and output of COMMAND in whole frames. Once the file TRIGGER exists, the next frame of the agent's that
FAULT is about is changed (or the faults that are about a link begin). Knows of the protocol what proto/gauntlet/fleet/fleet.proto
says on frames, and the numbers of the fields that it writes."""
import math
import os
import pathlib
import struct
import subprocess
import sys
import threading
import time

GREETING = b"GAUNTLET-FLEET\n"
HELLO, PONG, SETUP_DONE, WINDOW = 1, 2, 4, 5


def varint(number):
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content if isinstance(content, bytes) else varint(number << 3) + varint(content)


def framed(word, content):
    message = field(word, content)
    return struct.pack(">I", len(message)) + message


def checks(count):
    return "[%s]" % ",".join(f'{{"group":"","name":"{i}","passes":1,"fails":0}}' for i in range(count))


def window(number, gathered=b"", progress=b""):
    return framed(WINDOW, field(1, gathered) + field(5, progress) + field(6, number))


def window_of(number, checks="[]", parts=(), **others):
    members = [f'"{key}":{value}' for key, value in {**dict(version=1, elapsed_ns=1, tag_sweeps=0, interrupted=0, samples_dropped=0,
        metrics="{}", checks=checks, groups="[]", endpoints="[]", parts="[%s]" % ",".join(parts), rows="[]", thresholds="{}"), **others}.items()]
    return window(number, ("{%s}" % ",".join(members)).encode())


def part(number):
    return f'{{"scenario":"{number}","group":"","metrics":{{}},"checks":{checks(8000)}}}'


def scenario(content):
    return field(5, field(1, b"default") + content)


# What takes the place of a frame of that kind, which is the agent's so manieth window.
CHANGED = {
    "garbage": (WINDOW, lambda frame, _: b"\x00\x00\x00\x10" + os.urandom(16)),
    "too long a frame": (WINDOW, lambda frame, _: b"\x7f\xff\xff\xff" + frame[4:]),
    "half a frame": (WINDOW, lambda frame, _: frame[:len(frame) // 2]),
    "window twice": (WINDOW, lambda frame, _: frame + frame),
    "window of many names": (WINDOW, lambda _, number: window_of(number, checks(100_000))),
    "window of many parts": (WINDOW, lambda _, number: window_of(number, parts=[part(i) for i in range(60)])),
    "windows without end": (WINDOW, lambda _, number: b"".join(window_of(number + i) for i in range(10_000))),
    "window that nests": (WINDOW, lambda _, number: window_of(number, more="[" * 100_000 + "]" * 100_000)),
    "window of less than nothing": (WINDOW, lambda _, number: window_of(number, samples_dropped=-1)),
    "window that is none": (WINDOW, lambda _, number: window(number, b'{"version":1}')),
    "status that is none": (WINDOW, lambda _, number: window(number, progress=scenario(field(2, 250)))),
    "progress that is no number": (WINDOW, lambda _, number: window(number, progress=scenario(varint(3 << 3 | 1) + struct.pack("<d", math.nan)))),
    "name without end": (HELLO, lambda frame, _: framed(HELLO, frame[6:] + field(3, b"x" * 10_000))),
    "greets twice": (WINDOW, lambda frame, _: framed(HELLO, field(1, 1))),
    "setup nobody asked for": (WINDOW, lambda frame, _: framed(SETUP_DONE, field(1, b"[1]"))),
    "clock of another time": (PONG, lambda frame, _: framed(PONG, field(1, 1) + field(2, 1) + field(3, 1))),
    "clock that cannot be": (PONG, lambda frame, _: framed(PONG, field(1, time.monotonic_ns()) + field(2, 1 << 63))),
}
SLOW_BYTES_S = 20_000


def main():
    fault, trigger, command = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    slow = fault == "slow link"

    def to_agent():
        while bytes_ := os.read(0, 1 << 16):
            for begin in range(0, len(bytes_), 2000) if slow else [None]:
                part = bytes_ if begin is None else bytes_[begin:begin + 2000]
                try:
                    agent.stdin.write(part)
                    agent.stdin.flush()
                except BrokenPipeError:
                    return
                if slow:
                    time.sleep(len(part) / SLOW_BYTES_S)
        agent.stdin.close()

    threading.Thread(target=to_agent, daemon=True).start()

    def whole(size):
        got = agent.stdout.read(size)
        if len(got) < size:
            os._exit(agent.wait())
        return got

    def to_leader(bytes_):
        try:
            while bytes_:
                bytes_ = bytes_[os.write(1, bytes_):]
        except BrokenPipeError:
            os._exit(0)

    to_leader(whole(len(GREETING)))
    word, change = CHANGED.get(fault, (None, None))
    windows = 0
    while True:
        head = whole(4)
        frame = head + whole(struct.unpack(">I", head)[0])
        windows += frame[4] == WINDOW << 3 | 2
        if word is not None and frame[4] == word << 3 | 2 and trigger.exists():
            frame, word = change(frame, windows), None
        if slow:
            time.sleep(len(frame) / SLOW_BYTES_S)
        to_leader(frame)
        if fault == "half a frame" and word is None:
            os._exit(0)


main()
