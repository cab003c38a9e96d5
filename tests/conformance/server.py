#!/usr/bin/env python3
"""The server that conformance scripts talk to: HTTP/1.1, HTTPS with HTTP/2, WebSockets and gRPC on free ports of 127.0.0.1.

Prints one JSON line {"http": port, "https": port, "ws": port, "grpc": port, ...} when all listen, and ends when its
standard input is closed.
"""
import base64
import gzip
import hmac
import json
import pathlib
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


NTLM_NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
NTLM_PASSWORD_HASH = bytes.fromhex("878d8014606cda29677a44efa1353fc7")  # MD4 of "secret" in UTF-16LE


def ntlm_answer(authorization, scheme):
    """Status, body and headers for a step of an NTLMv2 handshake with password "secret" ([MS-NLMP])."""
    if not authorization.startswith(scheme + " "):
        return 401, "out", [("WWW-Authenticate", scheme)]
    message = base64.b64decode(authorization.split()[1])
    if message[8] == 1:
        name = "DOMAIN".encode("utf-16le")
        info = struct.pack("<HH", 2, len(name)) + name + struct.pack("<HH", 7, 8) + b"\x11" * 8 + struct.pack("<HH", 0, 0)
        challenge = (b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(name), len(name), 56, 0xA0888205) + NTLM_NONCE + bytes(8)
                     + struct.pack("<HHI", len(info), len(info), 56 + len(name)) + bytes.fromhex("0601b11d0000000f") + name + info)
        return 401, "challenge", [("WWW-Authenticate", f"{scheme} {base64.b64encode(challenge).decode()}")]
    def field(at):
        length, _, offset = struct.unpack("<HHI", message[at:at + 8])
        return message[offset:offset + length]
    answer, domain, user = field(20), field(28).decode("utf-16le"), field(36).decode("utf-16le")
    key = hmac.digest(NTLM_PASSWORD_HASH, (user.upper() + domain).encode("utf-16le"), "md5")
    good = hmac.digest(key, NTLM_NONCE + answer[16:], "md5") == answer[:16]
    return (200, f"in: {domain}/{user}", []) if good else (401, "wrong", [])


FORMS = """<!doctype html><html><head><title>Forms</title></head><body>
<form id="first" action="/echo?z=1" method="post"><input name="a" value="1 &amp;"><input type="checkbox" name="c" value="y"
checked="checked"><input type="submit" name="go" value="Go"><button name="b" value="bv">B</button></form>
<form id="bare"><input name="q" value="v"></form>
<form id="get" method="get" action="/echo"><input name="k" value="2"><button type="submit" name="s" value="sv">S</button></form>
<a href="/json">one</a><a id="other" href="rel?q=2">two</a><a id="bare-link">none</a><img src="i.png"></body></html>"""


class Meeting:
    """Requests that wait for each other: proof that a client makes them at once, and no more than it may."""
    PATIENCE_S, HOLD_S = 3, 0.15

    def __init__(self):
        self.changed = threading.Condition()
        self.present = self.most = 0

    def attend(self, wanted):
        """How many have been there at once. Waits for `wanted`, and then a moment for more."""
        with self.changed:
            self.present += 1
            self.most = max(self.most, self.present)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.most >= wanted, self.PATIENCE_S)
        time.sleep(self.HOLD_S)
        with self.changed:
            self.present -= 1
            most = self.most
            if self.present == 0:
                self.most = 0
        return most


MEETING = Meeting()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status=200, body=b"", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value)
        if "content-type" not in names:
            self.send_header("Content-Type", "text/plain")
        if "content-length" not in names and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def serve(self):
        body = self.body()
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        route = url.path.strip("/").split("/")
        json_type = [("Content-Type", "application/json")]
        if route[0] == "json":
            self.answer(200, json.dumps({"ok": True, "items": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
                                         "deep": {"a": {"b": [10, 20, 30]}}, "pi": 3.5, "none": None}), json_type)
        elif route[0] == "status":
            self.answer(int(route[1]), "" if route[1] in ("204", "304") else f"status {route[1]}")
        elif route[0] == "echo":
            skip = {"host", "connection", "accept-encoding"}
            self.answer(200, json.dumps({
                "method": self.command, "path": self.path, "body": body.decode("utf-8", "replace"),
                "headers": {k.lower(): v for k, v in sorted(self.headers.items()) if k.lower() not in skip}}), json_type)
        elif route[0] == "redirect":
            left = int(route[1])
            target = f"/redirect/{left - 1}" if left > 1 else "/json"
            self.answer(int(query.get("code", 302)), "", [("Location", target)])
        elif route[0] == "redirect-loop":
            self.answer(302, "", [("Location", "/redirect-loop")])
        elif route[0] == "set-cookie":
            self.answer(200, "set", [("Set-Cookie", f"{k}={v}; Path=/") for k, v in query.items()])
        elif route[0] == "cookies":
            self.answer(200, self.headers.get("Cookie") or "none")
        elif route[0] == "gzip":
            self.answer(200, gzip.compress(b'{"zipped":true}'), [("Content-Encoding", "gzip"), *json_type])
        elif route[0] == "deflate":
            self.answer(200, zlib.compress(b'{"zipped":true}'), [("Content-Encoding", "deflate"), *json_type])
        elif route[0] == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one,", b"two,", b"three"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        elif route[0] == "delay":
            time.sleep(min(float(route[1]), 5))
            self.answer(200, "late")
        elif route[0] == "meet":
            self.answer(200, str(MEETING.attend(int(route[1]))))
        elif route[0] == "bytes":
            self.answer(200, b"x" * min(int(route[1]), 1 << 20), [("Content-Type", "application/octet-stream")])
        elif route[0] == "headers":
            self.answer(200, "", [("X-Multi", "one"), ("X-Multi", "two"), ("x-lower-case", "Kept"), ("ETag", '"v1"')])
        elif route[0] == "basic":
            wanted = "Basic " + base64.b64encode(b"user:passwd").decode()
            good = self.headers.get("Authorization") == wanted
            self.answer(200 if good else 401, "in" if good else "out",
                        [] if good else [("WWW-Authenticate", 'Basic realm="conformance"')])
        elif route[0] == "ntlm":
            self.answer(*ntlm_answer(self.headers.get("Authorization") or "", route[1]))
        elif route[0] == "close":
            self.close_connection = True
            self.answer(200, "bye", [("Connection", "close")])
        elif route[0] == "cut":
            self.close_connection = True
            self.connection.close()
        elif route[0] == "peer":
            self.answer(200, self.client_address[0])
        elif route[0] == "html":
            self.answer(200, "<html><body><h1 id='t'>Hello</h1><ul><li class='x'>1</li><li>2</li></ul></body></html>",
                        [("Content-Type", "text/html")])
        elif route[0] == "forms":
            self.answer(200, FORMS, [("Content-Type", "text/html")])
        else:
            self.answer(404, "no such page")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = serve


PROTO = """syntax = "proto3";
package conformance;
service Greeter {
  rpc Say(Ask) returns (Answer);
  rpc Fail(Ask) returns (Answer);
  rpc Slow(Ask) returns (Answer);
  rpc Echo(Everything) returns (Everything);
  rpc Meta(Ask) returns (Answer);
  rpc Count(Ask) returns (stream Answer);
  rpc Sum(stream Ask) returns (Answer);
  rpc Chat(stream Ask) returns (stream Answer);
  rpc Hold(stream Ask) returns (stream Answer);
  rpc Large(Ask) returns (Answer);
}
message Ask { string name = 1; int32 code = 2; }
message Answer { string greeting = 1; int64 big = 2; repeated int32 nums = 3; Kind kind = 4; Inner inner = 5; }
message Inner { string text = 1; }
enum Kind { UNKNOWN = 0; GOOD = 1; BAD = 2; }
message Everything {
  double d = 1; float f = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6; bool b = 7; string s = 8;
  bytes raw = 9; Kind kind = 10; Inner inner = 11; repeated string many = 12; map<string, int32> counts = 13;
  oneof choice { string left = 14; int32 right = 15; } sint64 s64 = 16; fixed32 f32 = 17; snake_case_name snake_field = 18;
}
message snake_case_name { int32 the_value = 1; }
"""


def grpc_server(folder):
    import grpc
    from grpc_tools import protoc
    (folder / "conformance.proto").write_text(PROTO)
    if protoc.main(["", f"-I{folder}", f"--python_out={folder}", f"--grpc_python_out={folder}", "conformance.proto"]):
        raise SystemExit("server.py: protoc failed")
    sys.path.insert(0, str(folder))
    import conformance_pb2 as messages
    import conformance_pb2_grpc as services
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection

    class Greeter(services.GreeterServicer):
        def Say(self, ask, context):
            context.send_initial_metadata((("x-init", "1"),))
            context.set_trailing_metadata((("x-trail", "t"),))
            return messages.Answer(greeting=f"hello {ask.name}", big=1 << 54, nums=[1, 2], kind=messages.GOOD)

        def Fail(self, ask, context):
            context.abort(grpc.StatusCode(next(c.value for c in grpc.StatusCode if c.value[0] == (ask.code or 5))), "no such thing")

        def Slow(self, ask, context):
            time.sleep(1.5)
            return messages.Answer(greeting="slow")

        def Echo(self, everything, context):
            return everything

        def Meta(self, ask, context):
            return messages.Answer(greeting=";".join(f"{k}={v}" for k, v in sorted(context.invocation_metadata()) if k.startswith("x-")))

        def Count(self, ask, context):
            for i in range(ask.code):
                yield messages.Answer(greeting=f"{ask.name} {i}")
            if ask.name == "fail":
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no more")

        def Sum(self, asks, context):
            return messages.Answer(big=sum(ask.code for ask in asks))

        def Chat(self, asks, context):
            for ask in asks:
                if ask.name == "end":
                    return
                yield messages.Answer(greeting=f"you said {ask.name}")

        def Hold(self, asks, context):
            yield messages.Answer(greeting="holding")
            time.sleep(1.5)

        def Large(self, ask, context):
            return messages.Answer(greeting="x" * ask.code)

    server = grpc.server(futures.ThreadPoolExecutor(32))
    services.add_GreeterServicer_to_server(Greeter(), server)
    healthy = health.HealthServicer()
    healthy.set("conformance.Greeter", health_pb2.HealthCheckResponse.SERVING)
    healthy.set("resting", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection(("conformance.Greeter", reflection.SERVICE_NAME), server)
    port = server.add_insecure_port("127.0.0.1:0")
    pair = [((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())]
    tls = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair))
    mutual = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair, (folder / "ca.pem").read_bytes(), True))
    server.start()
    return server, {"grpc": port, "grpctls": tls, "grpcmtls": mutual}


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Clients that give up early are part of the scripts."""


def certificates(folder):
    """An authority that nobody knows, a server's certificate for 127.0.0.1 and secure.test, and a client's."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Conformance CA", "-days", "2")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1,DNS:secure.test"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / f"{name}.ext").write_text(extension)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def main():
    import other_servers
    http = QuietServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        certificates(folder)
        server, grpc_ports = grpc_server(folder)
        ports = {"http": http.server_address[1], **grpc_ports, "protos": str(folder),
                 **other_servers.start(folder, lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Handler, QuietServer)}
        print(json.dumps(ports), flush=True)
        sys.stdin.read()
        server.stop(None)


if __name__ == "__main__":
    main()
