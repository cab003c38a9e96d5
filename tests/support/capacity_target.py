"""An HTTP server with a capacity: it answers so many requests a second, one after the other, however many ask and from wherever, and
refuses with 503 whom it would let wait for longer than MOST_WAITING_S. Its schedule is kept, so that a busy machine does not lower it.

    capacity_target.py REQUESTS_PER_S    prints its port and serves until standard input ends
"""
import asyncio
import sys
import threading

MOST_WAITING_S = 0.5


def answer(status):
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


class CapacityTarget:
    def __init__(self, per_s):
        self.step, self.free_at = 1 / per_s, 0
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(lambda: Connection(self), "127.0.0.1", 0, backlog=512))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def serve(self, transport):
        now = self.loop.time()
        if self.free_at > now + MOST_WAITING_S:
            return transport.write(answer("503 Service Unavailable"))
        self.free_at = max(now, self.free_at) + self.step
        self.loop.call_at(self.free_at, transport.write, answer("200 OK"))


class Connection(asyncio.Protocol):
    def __init__(self, target):
        self.target, self.unread = target, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        *requests, self.unread = (self.unread + data).split(b"\r\n\r\n")
        for _ in requests:
            self.target.serve(self.transport)


if __name__ == "__main__":
    target = CapacityTarget(float(sys.argv[1]))
    print(target.port, flush=True)
    sys.stdin.read()
