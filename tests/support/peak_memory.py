"""A program's greatest resident memory, its own.

The kernel's ru_maxrss of a child begins with that of the process that it was made from, and a test process has a lot of
it. So a small interpreter stands between: it starts the program, waits for it and writes down what the kernel says.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

STARTER = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as report:
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, file=report)
"""


def run(command, patience_s, **popen):
    """(exit code, most resident bytes); a program that is not done in time is killed: its code is -9."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "usage"
        starter = subprocess.Popen([sys.executable, "-I", "-S", "-c", STARTER, report, *map(str, command)], start_new_session=True, **popen)
        try:
            starter.wait(patience_s)
        except BaseException as stopped:
            os.killpg(starter.pid, signal.SIGKILL)
            starter.wait()
            if not isinstance(stopped, subprocess.TimeoutExpired):
                raise
            return -signal.SIGKILL, 0
        code, most_bytes = map(int, report.read_text().split())
        return code, most_bytes
