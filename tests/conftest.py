"""Two processes work on the tests that wait for servers (tests/run, pytest-xdist), file by file. Each has a loopback network of its own,
so that no server meets another's port. A test that is marked `alone`, as those on the lab's stack are, says something that depends on how
much of the machine it has: these run one after another."""
import ctypes
import subprocess

import pytest

CLONE_NEWNET = 0x40000000  # sched.h


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: what it asserts depends on how much of the machine it has")
    if not hasattr(config, "workerinput"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.alone)
