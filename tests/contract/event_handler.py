"""The real challenge-event-handler on a service's database, and a platform that sends it events."""
import contextlib
import importlib
import itertools
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field

import grpc

from service_under_test import BIN, ROOT, START_S, service_environment

LOGIN = "/accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage"
STATISTIC = "/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage"
READY = re.compile(r"is serving.* grpc_port=(\d+) metrics_port=(\d+)")


def event_messages():
    """The modules protoc makes of the platform's two events."""
    if "iam" not in sys.modules:
        with tempfile.TemporaryDirectory(prefix="gauntlet-stubs-") as folder:
            subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto/accelbyte-asyncapi", f"--python_out={folder}",
                            "iam/account/v1/account.proto", "social/statistic/v1/statistic.proto"], check=True)
            sys.path.insert(0, folder)
            for module in ("iam.account.v1.account_pb2", "social.statistic.v1.statistic_pb2"):
                importlib.import_module(module)
            sys.path.remove(folder)
    from iam.account.v1 import account_pb2
    from social.statistic.v1 import statistic_pb2
    return account_pb2, statistic_pb2


@dataclass
class EventHandler:
    channel: grpc.Channel
    metrics_url: str
    log: pathlib.Path
    numbers: itertools.count = field(default_factory=itertools.count)

    def login(self, player):
        """Answered, so in default mode committed. ..._call() sends without waiting."""
        return self.login_call(player).result()

    def login_call(self, player):
        account, _ = event_messages()
        return self.call(LOGIN, account.UserLoggedIn(id=f"login-{next(self.numbers)}", user_id=player, namespace="test"))

    def statistic(self, player, code, value, rose_by=1):
        return self.statistic_call(player, code, value, rose_by).result()

    def statistic_call(self, player, code, value, rose_by=1):
        _, statistic = event_messages()
        item = statistic.StatItem(stat_code=code, user_id=player, latest_value=value, inc=rose_by)
        return self.call(STATISTIC, statistic.StatItemUpdated(id=f"stat-{next(self.numbers)}", user_id=player, namespace="test", payload=item))

    def call(self, method, message):
        return self.channel.unary_unary(method, lambda sent: sent.SerializeToString(), lambda answer: answer).future(message, timeout=30)

    def metrics(self):
        with urllib.request.urlopen(f"{self.metrics_url}/metrics", timeout=30) as answer:
            return answer.read().decode()

    def metric(self, series):
        """The value of one series, as challenge_buffer_size{buffer_type="progress"}."""
        value, = [float(line.rpartition(" ")[2]) for line in self.metrics().splitlines() if line.rpartition(" ")[0] == series]
        return value


@contextlib.contextmanager
def running_handler(service, config, **variables):
    """Beside a service, on its database. Afterwards SIGTERM must end it with 0."""
    environment = service_environment(service.database, service.database_name, config, CONFIG_PATH=config, **variables)
    with tempfile.TemporaryDirectory(prefix="gauntlet-handler-") as folder:
        log = pathlib.Path(folder) / "log"
        with open(log, "w") as out:
            process = subprocess.Popen([BIN / "challenge-event-handler"], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, process_group=0)
        try:
            give_up = time.monotonic() + START_S
            while not (found := READY.search(log.read_text())):
                assert process.poll() is None and time.monotonic() < give_up, log.read_text()
                time.sleep(0.02)
            with grpc.insecure_channel(f"127.0.0.1:{found[1]}") as channel:
                handler = EventHandler(channel, f"http://127.0.0.1:{found[2]}", log)
                handler.process = process
                yield handler
            process.send_signal(signal.SIGTERM)
            assert process.wait(START_S) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
