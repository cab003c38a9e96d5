"""The option tlsAIAFetch: a server that sends its own certificate alone, and its issuer's at the address that the certificate names."""
import http.server
import os
import ssl
import subprocess
import threading

import pytest

from test_stack import ROOT

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"
SCRIPT = """
import http from 'k6/http';
export const options = { vus: 2, iterations: 6, noConnectionReuse: true, %s };
export default function () {
  const r = http.get(__ENV.URL);
  console.log(`status ${r.status} ${r.error}`);
}
"""


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.send_response(200 if self.server.body is not None else 404)
        self.send_header("Content-Length", str(len(self.server.body or b"")))
        self.end_headers()
        self.wfile.write(self.server.body or b"")

    def log_message(self, *_):
        pass


def serving(body):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.body, server.asked = body, 0
    return server


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def chain(tmp_path):
    """root.pem, middle.der, and a TLS server that sends its own certificate alone; the server of issuers has nothing yet."""
    issuers = serving(None)
    threading.Thread(target=issuers.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{issuers.server_port}/middle.der"
    extensions = {"root": "basicConstraints=critical,CA:TRUE", "middle": "basicConstraints=critical,CA:TRUE",
                  "leaf": f"subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityInfoAccess=caIssuers;URI:{address}"}
    for name, text in extensions.items():
        (tmp_path / f"{name}.ext").write_text(text + "\n")
        openssl(tmp_path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name} of a test")
        signer = ["-signkey", "root.key"] if name == "root" else \
            ["-CA", "root.pem" if name == "middle" else "middle.pem", "-CAkey", "root.key" if name == "middle" else "middle.key", "-CAcreateserial"]
        openssl(tmp_path, "x509", "-req", "-in", f"{name}.csr", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem", *signer)
    openssl(tmp_path, "x509", "-in", "middle.pem", "-outform", "DER", "-out", "middle.der")
    server = serving(b"hello")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem", tmp_path / "leaf.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, issuers
    for one in (server, issuers):
        one.shutdown()
        one.server_close()


def run(tmp_path, server, options, host="127.0.0.1"):
    (tmp_path / "script.js").write_text(SCRIPT % (options or "discardResponseBodies: false"))
    return subprocess.run([GAUNTLET, "run", "-q", "--no-color", "-e", f"URL=https://{host}:{server.server_port}/", "script.js"], cwd=tmp_path,
                          env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "root.pem")}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


@pytest.mark.parametrize("form", ["der", "pem", "bundle"])
def test_an_issuer_that_is_not_sent_is_loaded_once_and_the_chain_verified(tmp_path, chain, form):
    server, issuers = chain
    openssl(tmp_path, "crl2pkcs7", "-nocrl", "-certfile", "middle.pem", "-outform", "DER", "-out", "middle.p7c")
    issuers.body = (tmp_path / {"der": "middle.der", "pem": "middle.pem", "bundle": "middle.p7c"}[form]).read_bytes()
    ran = run(tmp_path, server, "tlsAIAFetch: true")
    assert ran.returncode == 0 and ran.stderr.count("status 200") == 6, ran.stderr
    assert issuers.asked == 1
    assert run(tmp_path, server, "tlsAIAFetch: true", "localhost").stderr.count("status 200") == 6


def test_without_the_option_the_message_names_it_and_nobody_is_asked(tmp_path, chain):
    server, issuers = chain
    issuers.body = (tmp_path / "middle.der").read_bytes()
    ran = run(tmp_path, server, "")
    assert "status 0" in ran.stderr and "status 200" not in ran.stderr
    assert "unknown authority" in ran.stderr and "tlsAIAFetch" in ran.stderr and "middle.der" in ran.stderr
    assert issuers.asked == 0


@pytest.mark.parametrize("body", [None, b"no certificate", b"\x30" * 70_000, "stranger"], ids=["404", "nonsense", "too long", "of another"])
def test_what_is_no_issuer_leaves_the_server_unknown(tmp_path, chain, body):
    server, issuers = chain
    if body == "stranger":
        openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "s.key", "-out", "s.pem", "-subj", "/CN=middle of a test")
        body = (tmp_path / "s.pem").read_bytes()
    issuers.body = body
    ran = run(tmp_path, server, "tlsAIAFetch: true")
    assert ran.stderr.count("status 0") == 6 and "status 200" not in ran.stderr, ran.stderr
    assert issuers.asked == 1 and "there is none at http://127.0.0.1" in ran.stderr


def test_a_name_that_is_not_the_certificates_is_refused_with_the_issuer_loaded(tmp_path, chain):
    server, issuers = chain
    issuers.body = (tmp_path / "middle.der").read_bytes()
    ran = run(tmp_path, server, "tlsAIAFetch: true, hosts: { 'elsewhere.test': '127.0.0.1' }", "elsewhere.test")
    assert "status 0" in ran.stderr and "status 200" not in ran.stderr and "hostname" in ran.stderr
