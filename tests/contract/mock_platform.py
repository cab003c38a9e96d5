"""A small AccelByte platform for tests: keys, tokens, grants, with faults on demand."""
import base64
import contextlib
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import time


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs RS256 tokens with a key of its own (the openssl program does the arithmetic)."""

    def __init__(self, folder, key_id="k1"):
        self.key_id = key_id
        self.key = pathlib.Path(folder) / f"{key_id}.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True)
        self.modulus = bytes.fromhex(modulus.stdout.strip().split("=")[1])

    def jwk(self):
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id, "n": base64url(self.modulus), "e": "AQAB"}

    def token(self, header=None, **claims):
        header = {"alg": "RS256", "kid": self.key_id, **(header or {})}
        claims = {"sub": "ann", "namespace": "test", "exp": int(time.time()) + 600, **claims}
        text = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(), check=True, capture_output=True)
        return f"{text}.{base64url(signed.stdout)}"


class Platform:
    def __init__(self, issuer):
        self.issuer = issuer
        self.lock = threading.Lock()
        self.granted = {}  # idempotency key -> how often it was asked for
        self.grants = []   # (path, body) of each grant that took effect
        self.faults = []   # taken one a grant: a status without effect, or "granted but 500", or "granted but cut"
        self.key_requests = 0

    def take_grant(self, path, body):
        """The status to answer; None cuts the connection."""
        fields = body[0] if isinstance(body, list) else body
        key = fields.get("metadata", {}).get("idempotencyKey")
        with self.lock:
            fault = self.faults.pop(0) if self.faults else None
            if isinstance(fault, int):
                return fault
            if key is None or key not in self.granted:
                self.grants.append((path, body))
            self.granted[key] = self.granted.get(key, 0) + 1
            return {"granted but 500": 500, "granted but cut": None, None: 201}[fault]


@contextlib.contextmanager
def running_platform():
    with tempfile.TemporaryDirectory(prefix="gauntlet-platform-") as folder:
        platform = Platform(Issuer(folder))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                platform.key_requests += 1
                self.answer(200, {"keys": [platform.issuer.jwk()]})

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if self.path == "/iam/v3/oauth/token":
                    return self.answer(200, {"access_token": "service-token", "expires_in": 3600})
                status = platform.take_grant(self.path, json.loads(text))
                if status is None:
                    self.close_connection = True
                    return
                self.answer(status, {})

            do_PUT = do_POST

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            platform.url = f"http://127.0.0.1:{server.server_address[1]}"
            yield platform
        finally:
            server.shutdown()
            server.server_close()
