"""Conformance servers beside plain HTTP/1.1 and gRPC: WebSockets, HTTPS with and without HTTP/2, a proxy."""
import asyncio
import json
import logging
import select
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response


# ---- WebSockets

logging.getLogger("websockets").setLevel(logging.CRITICAL)  # clients that break off are part of the scripts


async def websocket_session(ws):
    """/echo and others echo, after what their path asks for; "bye" asks for a close."""
    route = ws.request.path.split("?")[0].strip("/").split("/")
    # k6 1.8.1 on a busy machine loses one in some 2,000 messages that come right behind the handshake, and waits for ever.
    await asyncio.sleep(0.03)
    if route[0] == "close":
        return await ws.close(int(route[1]), "bye")
    if route[0] == "push":
        for i in range(int(route[1])):
            await ws.send(f"m{i}")
        return await ws.close(1000, "done")
    if route[0] == "drop":
        return ws.transport.abort()
    if route[0] == "ping":
        await (await ws.ping("hi"))
        await ws.send("ponged")
    if route[0] == "headers":
        skip = {"host", "sec-websocket-key"}
        await ws.send(json.dumps({k.lower(): v for k, v in ws.request.headers.raw_items() if k.lower() not in skip}, sort_keys=True))
    if route[0] == "bytes":
        await ws.send(b"\x00\x01\x02\xff")
    if route[0] == "large":
        await ws.send("x" * int(route[1]))
    if route[0] == "fragments":
        await ws.send(["one,", "two,", "three"])
    if route[0] == "protocol":
        await ws.send(f"protocol: {ws.subprotocol}")
    if route[0] == "broken":
        ws.transport.write(b"\xf1\x03abc")
        await asyncio.sleep(0.3)
        return
    async for message in ws:
        if message == "bye":
            return await ws.close(4001, "as asked")
        await ws.send(message)


def refuse_some(connection, request):
    if request.path.startswith("/reject"):
        return Response(403, "Forbidden", Headers({"Content-Length": "4", "X-Why": "no"}), b"nope")
    return None


def websockets(context):
    """Both ports, plain and TLS."""
    ports = []
    ready = threading.Event()

    async def run():
        options = {"process_request": refuse_some, "select_subprotocol": lambda _, offered: offered[0] if offered else None, "ping_interval": None}
        async with serve(websocket_session, "127.0.0.1", 0, **options) as plain, serve(websocket_session, "127.0.0.1", 0, ssl=context, **options) as secure:
            ports.extend(s.sockets[0].getsockname()[1] for s in (plain, secure))
            ready.set()
            await asyncio.get_running_loop().create_future()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait(10)
    return ports


# ---- HTTP/2

class Http2Peer(asyncio.Protocol):
    """Answers /json, /echo, /status/N, /bytes/N, /cookie, /redirect, /count; breaks in the ways that /reset and /goaway ask for."""

    def connection_made(self, transport):
        self.transport = transport
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.requests = {}
        self.unsent = {}
        self.count = 0
        transport.write(self.connection.data_to_send())

    def data_received(self, data):
        try:
            events = self.connection.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.transport.write(self.connection.data_to_send())
            return self.transport.close()
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                self.requests[event.stream_id] = [dict(event.headers), b""]
            elif isinstance(event, h2.events.DataReceived):
                self.requests[event.stream_id][1] += event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.answer(event.stream_id, *self.requests.pop(event.stream_id))
            elif isinstance(event, h2.events.WindowUpdated):
                self.pump()
        self.transport.write(self.connection.data_to_send())

    def answer(self, stream, headers, body):
        self.count += 1
        route = headers[":path"].split("?")[0].strip("/").split("/")
        if route[0] == "reset":
            return self.connection.reset_stream(stream, int(route[1]))
        if route[0] == "goaway":
            self.connection.close_connection(int(route[1]), b"enough")
            self.transport.write(self.connection.data_to_send())
            return self.transport.close()
        status, extra, content = "200", [("content-type", "text/plain")], b""
        if route[0] == "json":
            extra, content = [("content-type", "application/json")], b'{"ok":true}'
        elif route[0] == "echo":
            skip = {":authority"}
            content = json.dumps({"headers": {k: v for k, v in sorted(headers.items()) if k not in skip}, "body": body.decode()}).encode()
        elif route[0] == "status":
            status = route[1]
        elif route[0] == "bytes":
            content = b"x" * int(route[1])
        elif route[0] == "cookie":
            extra.append(("set-cookie", "h2=yes; Path=/"))
        elif route[0] == "redirect":
            status, extra = "302", [("location", "/json")]
        elif route[0] == "count":
            content = str(self.count).encode()
        if status not in ("204", "304"):
            extra.append(("content-length", str(len(content))))
        has_body = bool(content) and headers[":method"] != "HEAD"
        self.connection.send_headers(stream, [(":status", status), *extra], end_stream=not has_body)
        if has_body:
            self.unsent[stream] = content
            self.pump()

    def pump(self):
        for stream, rest in list(self.unsent.items()):
            while rest:
                try:
                    room = min(self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size, len(rest))
                except h2.exceptions.StreamClosedError:
                    rest = b""
                    break
                if room <= 0:
                    break
                self.connection.send_data(stream, rest[:room], end_stream=room == len(rest))
                rest = rest[room:]
            self.unsent[stream] = rest
            if not rest:
                del self.unsent[stream]


def http2(context):
    context.set_alpn_protocols(["h2"])
    port = []
    ready = threading.Event()

    async def run():
        server = await asyncio.get_running_loop().create_server(Http2Peer, "127.0.0.1", 0, ssl=context)
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait(10)
    return port[0]


# ---- HTTPS with HTTP/1.1

def https(context, handler, server_class):
    context.set_alpn_protocols(["http/1.1"])
    server = server_class(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


# ---- a proxy

def proxy():
    """Forwards absolute-form requests and CONNECT, both to 127.0.0.1 whatever the host is called; wants no password
    unless the host begins with "private"."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve_one(client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65536)
                if not part:
                    return
                head += part
            head, rest = head.split(b"\r\n\r\n", 1)
            method, target, version = head.split(b"\r\n")[0].decode().split(" ")
            host = target.split("://")[-1].split("/")[0]
            if host.startswith("private") and b"\r\nproxy-authorization: basic dXNlcjpzZWNyZXQ=".lower() not in head.lower():
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", int(host.split(":")[1]))) as upstream:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    if rest:
                        upstream.sendall(rest)
                else:
                    path = "/" + target.split("://")[1].split("/", 1)[1]
                    lines = head.decode().split("\r\n")[1:]
                    upstream.sendall("\r\n".join([f"{method} {path} {version}", "X-Through: proxy", "Connection: close", *lines, "", ""]).encode() + rest)
                pair = {client: upstream, upstream: client}
                while True:
                    for source in select.select(list(pair), [], [])[0]:
                        data = source.recv(65536)
                        if not data:
                            return
                        pair[source].sendall(data)

    def guarded(client):
        try:
            serve_one(client)
        except OSError:
            pass

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=guarded, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def start(folder, new_context, handler, server_class):
    """Ports by name."""
    def context(client_certificates=False):
        made = new_context()
        made.load_cert_chain(folder / "server.pem", folder / "server.key")
        if client_certificates:
            made.load_verify_locations(folder / "ca.pem")
            made.verify_mode = ssl.CERT_REQUIRED
            made.maximum_version = ssl.TLSVersion.TLSv1_2  # in 1.3 a refusal comes after the handshake
        return made
    ws, wss = websockets(context())
    return {"ws": ws, "wss": wss, "h2": http2(context()), "https": https(context(), handler, server_class),
            "mtls": https(context(True), handler, server_class), "proxy": proxy()}
