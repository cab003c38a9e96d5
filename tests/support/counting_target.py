"""An HTTP server that counts requests by path, and when the first of each came: one thread, so that their order is that of their
coming, and little work, so that the moment is right."""
import collections
import selectors
import socket
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class CountingTarget:
    def __init__(self):
        self.seen, self.first = collections.Counter(), {}
        self.selector, self.listener = selectors.DefaultSelector(), socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.ends, self.ending = socket.socketpair()
        self.selector.register(self.ends, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.ending.close()
        self.thread.join()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                now = time.monotonic()
                if key.fileobj is self.ends:
                    for other in list(self.selector.get_map().values()):
                        other.fileobj.close()
                    return
                if key.fileobj is self.listener:
                    self.selector.register(self.listener.accept()[0], selectors.EVENT_READ)
                elif not self.answer(key.fileobj, now):
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()

    def answer(self, connection, now):
        try:
            request = connection.recv(65536)
            if request:
                path = request.split(b" ", 2)[1].decode()
                self.seen[path] += 1
                self.first.setdefault(path, now)
                connection.send(ANSWER)
            return bool(request)
        except OSError:
            return False
