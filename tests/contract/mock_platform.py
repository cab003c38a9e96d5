"""`gauntlet ags-mock` for tests: a platform on a real socket, its faults and its list of grants."""
import contextlib
import json
import re
import subprocess
import tempfile
import time
import urllib.request

from service_under_test import BIN, START_S

SERVING = re.compile(r"serving at (http://\S+),")


class Platform:
    def __init__(self, url, process):
        self.url, self.process = url, process

    def stop(self):
        self.process.terminate()
        assert self.process.wait(START_S) == 0

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data, method=method), timeout=30) as answer:
            return json.load(answer)

    def grants(self, user=None):
        """Each grant that took effect: user, type, rewardId, quantity, key, requests."""
        return self.call("GET", "/mock/grants" + (f"?user={user}" if user else ""))["grants"]

    def forget_grants(self):
        self.call("DELETE", "/mock/grants")

    def faults(self, **fields):
        """What goes wrong from now on, as `gauntlet ags-mock --help` names it; fields left out stay."""
        return self.call("PUT", "/mock/faults", fields)

    @property
    def key_requests(self):
        return self.call("GET", "/mock/grants?user=-")["requests"]["keys"]

    def change_keys(self, keep=False):
        self.call("POST", f"/mock/keys?keep={str(keep).lower()}")

    def token(self, header=None, forge=None, **claims):
        """A signed token; a None among header and claims takes that field away."""
        claims = {"sub": "ann", "namespace": "test", "exp": int(time.time()) + 600, **claims}
        return self.call("POST", "/mock/token", {"header": header or {}, "claims": claims, "forge": forge})["token"]


@contextlib.contextmanager
def running_platform(*flags, process_group=None):
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([BIN / "gauntlet", "ags-mock", "--namespace", "test", *flags], stdin=subprocess.DEVNULL, stdout=said,
                                   process_group=process_group)
        try:
            give_up = time.monotonic() + START_S
            while True:
                said.seek(0)
                if found := SERVING.search(said.read()):
                    break
                assert process.poll() is None and time.monotonic() < give_up, "gauntlet ags-mock does not start"
                time.sleep(0.02)
            platform = Platform(found[1], process)
            yield platform
            platform.stop()
        finally:
            process.kill()
            process.wait()


def real_rewards(platform, **variables):
    """Settings of a service whose rewards come from this platform."""
    return {"REWARD_CLIENT_MODE": "real", "REWARD_IDEMPOTENCY": "true", "AB_BASE_URL": platform.url, "AB_CLIENT_ID": "client",
            "AB_CLIENT_SECRET": "secret", **variables}
