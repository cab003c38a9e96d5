"""The interop server (tests/support/interop_server.cpp) as a context: base's listener alone, for clients not ours."""
import contextlib
import os
import pathlib
import subprocess
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("GAUNTLET_BIN", ROOT / "build" / "release" / "bin"))


@dataclass
class InteropServer:
    port: int
    admin_port: int
    process: subprocess.Popen

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def admin_url(self):
        return f"http://127.0.0.1:{self.admin_port}"


@contextlib.contextmanager
def interop_server():
    """A running server; it must end by itself, with status 0, once its standard input is closed."""
    process = subprocess.Popen([BIN / "interop-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        words = process.stdout.readline().split()
        yield InteropServer(int(words[1]), int(words[3]), process)
        process.stdin.close()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
