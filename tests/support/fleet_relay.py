#!/usr/bin/env python3
"""Carries the words between a leader and an agent, and does one thing to them: fleet_relay.py FAULT TRIGGER COMMAND...

It relays standard input and output of COMMAND in whole frames. Once the file TRIGGER exists, the next frame of the agent's that
FAULT is about is changed (or the faults that are about a link begin). Knows of the protocol what proto/gauntlet/fleet/fleet.proto
says on frames, and the numbers of the fields that it writes."""
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


def window_of_names(count):
    checks = ",".join(f'{{"group":"","name":"{i}","passes":1,"fails":0}}' for i in range(count))
    state = ('{"version":1,"elapsed_ns":1,"tag_sweeps":0,"interrupted":0,"samples_dropped":0,"metrics":{},"checks":[%s],"groups":[],'
             '"endpoints":[],"parts":[],"rows":[],"thresholds":{}}' % checks)
    return framed(WINDOW, field(1, state.encode()))


# What takes the place of a frame of that kind.
CHANGED = {
    "garbage": (WINDOW, lambda frame: b"\x00\x00\x00\x10" + os.urandom(16)),
    "too long a frame": (WINDOW, lambda frame: b"\x7f\xff\xff\xff" + frame[4:]),
    "half a frame": (WINDOW, lambda frame: frame[:len(frame) // 2]),
    "window twice": (WINDOW, lambda frame: frame + frame),
    "window of many names": (WINDOW, lambda frame: window_of_names(100_000)),
    "window that is none": (WINDOW, lambda frame: framed(WINDOW, field(1, b'{"version":1}'))),
    "greets twice": (WINDOW, lambda frame: framed(HELLO, field(1, 1))),
    "setup nobody asked for": (WINDOW, lambda frame: framed(SETUP_DONE, field(1, b"[1]"))),
    "clock of another time": (PONG, lambda frame: framed(PONG, field(1, 1) + field(2, 1) + field(3, 1))),
    "clock that cannot be": (PONG, lambda frame: framed(PONG, field(1, time.monotonic_ns()) + field(2, 1 << 63))),
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
    while True:
        head = whole(4)
        frame = head + whole(struct.unpack(">I", head)[0])
        if word is not None and frame[4] == word << 3 | 2 and trigger.exists():
            frame, word = change(frame), None
        if slow:
            time.sleep(len(frame) / SLOW_BYTES_S)
        to_leader(frame)
        if fault == "half a frame" and word is None:
            os._exit(0)


main()
