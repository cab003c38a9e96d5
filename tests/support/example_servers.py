"""What the scripts of test/examples talk to: OAuth, GraphQL, uploads and server-sent events on one HTTP port, a gRPC chat on another."""
import contextlib
import hashlib
import json
import threading
import time
import urllib.parse
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path != "/profile":
            return self.answer(404, {})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        known = self.server.tokens.get(token)
        if known is None or known[1] <= 0:
            return self.answer(401, {"error": "invalid_token"})
        known[1] -= 1
        return self.answer(200, {"name": known[0]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        getattr(self, "post" + self.path.replace("/", "_"), lambda _: self.answer(404, {}))(body)

    def post_oauth_token(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        user = form.get("username") if form["grant_type"] == "password" else self.server.refresh.pop(form["refresh_token"], None)
        if not user:
            return self.answer(400, {"error": "invalid_grant"})
        self.server.granted += 1
        access, refresh = f"access-{self.server.granted}-{user}", f"refresh-{self.server.granted}-{user}"
        self.server.tokens[access] = [user, 3]  # good for three calls
        self.server.refresh[refresh] = user
        return self.answer(200, {"access_token": access, "refresh_token": refresh, "expires_in": 60, "token_type": "Bearer"})

    def post_oauth_revoke(self, body):
        self.server.revoked.append(self.server.refresh.pop(dict(urllib.parse.parse_qsl(body.decode()))["token"], None))
        return self.answer(200, {})

    def post_graphql(self, body):
        asked = json.loads(body)
        if self.headers["Content-Type"] != "application/json":
            return self.answer(415, {})
        if asked["operationName"] == "Books":
            return self.answer(200, {"data": {"books": [{"id": str(i), "title": f"Book {i}"} for i in range(asked["variables"]["first"])]}})
        return self.answer(200, {"data": {"addBook": {"id": "9", **asked["variables"]["book"]}}})

    def do_PUT(self):
        self.uploaded(self.rfile.read(int(self.headers["Content-Length"])))

    def post_upload(self, body):
        edge = self.headers["Content-Type"].split("boundary=")[1].encode()
        part = next(one for one in body.split(b"--" + edge) if b'filename="large.bin"' in one[:300])
        self.uploaded(part.split(b"\r\n\r\n", 1)[1][:-2])

    def uploaded(self, data):
        self.server.uploads += 1
        return self.answer(201, {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    def post_chat(self, body):
        assert json.loads(body)["stream"]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in ["Hello ", "dear ", "user, ", "good ", "day"]:
            self.chunk(f"data: {json.dumps({'delta': word})}\n\n")
            time.sleep(0.005)
        self.chunk("data: [DONE]\n\n")
        self.rfile.read(1)  # it stays open until the client closes it
        self.close_connection = True

    def chunk(self, text):
        self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens, self.refresh, self.revoked, self.granted, self.uploads = {}, {}, [], 0, 0


@contextlib.contextmanager
def http_server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def chat_server():
    """chat.Chat/Talk says every message back. Yields its address."""
    talk = grpc.stream_stream_rpc_method_handler(lambda messages, _: (message for message in messages))
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("chat.Chat", {"Talk": talk}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
