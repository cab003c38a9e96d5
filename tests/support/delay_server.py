"""An HTTP server that answers when it is told to: GET /wait?ms=N after N milliseconds, GET /varied after 20 to 1,000 of a distribution
with a long tail, GET /stall as soon as a stall of a second, which begins two seconds after the first request, is not on. Knows
how long it really took. One asyncio thread.
"""
import asyncio
import contextlib
import random
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
STALL_FROM_S, STALL_UNTIL_S = 2.0, 3.0


class DelayServer(asyncio.Protocol):
    taken_ms = []  # of every answer, from the request's arrival
    first = None
    delays = random.Random(1)

    def __init__(self):
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            path = self.buffer[:end].split(b" ", 2)[1].decode()
            self.buffer = self.buffer[end + 4:]
            now = time.perf_counter()
            DelayServer.first = DelayServer.first or now
            if path.startswith("/wait?ms="):
                delay = float(path.removeprefix("/wait?ms=")) / 1e3
            elif path == "/varied":
                delay = (20 + min(980.0, DelayServer.delays.lognormvariate(3.5, 1.0))) / 1e3
            else:
                at = now - DelayServer.first
                delay = STALL_UNTIL_S - at if STALL_FROM_S <= at < STALL_UNTIL_S else 0
            asyncio.get_running_loop().call_later(delay, self.answer, now)

    def answer(self, asked):
        DelayServer.taken_ms.append((time.perf_counter() - asked) * 1e3)
        self.transport.write(ANSWER)


@contextlib.contextmanager
def delay_server():
    """Yields its port."""
    DelayServer.taken_ms, DelayServer.first = [], None
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(DelayServer, "127.0.0.1", 0, backlog=1024))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
