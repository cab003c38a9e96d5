"""The rounds of a fault campaign: told of as they pass, and ended early, with a verdict, by Ctrl-C or SIGTERM."""
import signal
import sys
import time

TOLD_EVERY_S = 10


def rounds(total):
    """0, 1, ... total - 1; fewer when SIGINT or SIGTERM comes: the round at work is finished, then the campaign judges what it has.
    A second signal has its usual effect."""
    ended = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number, frame):
        ended.append(number)
        print("ending after this fault; again to stop at once", file=sys.stderr, flush=True)
        restore()

    def restore():
        for number, handler in usual.items():
            signal.signal(number, signal.SIG_DFL if handler == signal.SIG_IGN else handler)

    for number in usual:
        signal.signal(number, end)
    began = told = time.monotonic()
    try:
        for number in range(total):
            if ended:
                return
            yield number
            now = time.monotonic()
            if now - told >= TOLD_EVERY_S:
                told = now
                left = (now - began) / (number + 1) * (total - number - 1)
                print(f"{number + 1} of {total} faults after {now - began:.0f} s, about {left:.0f} s to go", file=sys.stderr, flush=True)
    finally:
        restore()
