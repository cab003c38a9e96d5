"""base's HTTP listener and the operator's endpoint as strangers see them: curl and `go tool pprof`."""
import concurrent.futures
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from interop_server import interop_server


@pytest.fixture(scope="module")
def server():
    with interop_server() as running:
        yield running


def curl(*arguments, **options):
    ran = subprocess.run(["curl", "-sS", "--max-time", "20", *map(str, arguments)], capture_output=True, timeout=30, **options)
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2-prior-knowledge", "--http2"])
class TestCurl:
    def test_gets_and_posts(self, server, protocol, tmp_path):
        assert curl(protocol, f"{server.url}/hello/w%C3%B6rld").decode() == "hello wörld"
        upload = tmp_path / "upload"
        upload.write_bytes(os.urandom(900_000))
        assert curl(protocol, "--data-binary", f"@{upload}", f"{server.url}/echo") == upload.read_bytes()
        assert curl(protocol, "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{upload}",
                    f"{server.url}/echo") == upload.read_bytes()

    def test_reads_thirty_megabytes(self, server, protocol):
        assert len(curl(protocol, f"{server.url}/bytes?count=30000000")) == 30_000_000

    def test_reads_why_too_large_a_body_is_refused(self, server, protocol, tmp_path):
        upload = tmp_path / "upload"
        upload.write_bytes(bytes(3_000_000))
        answer = curl(protocol, "-w", " %{http_code}", "--data-binary", f"@{upload}", f"{server.url}/echo").decode()
        assert answer.endswith('"details":[]} 413')

    def test_sees_the_status_of_wrong_paths_and_methods(self, server, protocol):
        assert curl(protocol, "-w", " %{http_code}", f"{server.url}/nothing").endswith(b" 404")
        assert curl(protocol, "-w", " %{http_code}", "-X", "DELETE", f"{server.url}/hello/x").endswith(b" 405")
        assert b"content-length: 7" in curl(protocol, "-I", f"{server.url}/hello/x").lower()


def test_metrics_stay_there_while_a_profile_is_taken_and_a_second_profile_is_refused(server):
    first = []
    taking = threading.Thread(target=lambda: first.append(
        urllib.request.urlopen(f"{server.admin_url}/debug/pprof/profile?seconds=2").read()))
    taking.start()
    time.sleep(0.5)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.admin_url}/debug/pprof/profile?seconds=1")
    assert refused.value.code == 503 and b"another CPU profile" in refused.value.read()
    assert b"process_cpu_seconds_total" in urllib.request.urlopen(f"{server.admin_url}/metrics").read()
    taking.join()
    assert first and len(first[0]) > 100


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go toolchain on this machine")
class TestGoToolPprof:
    @staticmethod
    def top(url, tmp_path, *flags):
        ran = subprocess.run(["go", "tool", "pprof", "-top", "-nodecount=500", *flags, url], capture_output=True, text=True,
                             timeout=120, env={**os.environ, "PPROF_TMPDIR": str(tmp_path)})
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def test_names_our_functions_in_a_cpu_profile(self, server, tmp_path):
        done = threading.Event()

        def load():
            while not done.is_set():
                curl("--http2-prior-knowledge", f"{server.url}/bytes?count=5000000")

        loading = threading.Thread(target=load)
        loading.start()
        try:
            top = self.top(f"{server.admin_url}/debug/pprof/profile?seconds=3", tmp_path)
        finally:
            done.set()
            loading.join()
        assert "on_send_data" in top or "Http2" in top or "produce" in top, top
        assert "gauntlet::base::EventLoop::run_once" in top

    def test_reads_what_is_allocated_while_it_watches(self, server, tmp_path):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            profile = threads.submit(self.top, f"{server.admin_url}/debug/pprof/allocs?seconds=2", tmp_path, "-sample_index=alloc_space")
            while not profile.done():
                curl(f"{server.url}/bytes?count=1000000")
        assert "Type: alloc_space" in profile.result() and "gauntlet::base::EventLoop::run_once" in profile.result()

    def test_reads_the_heap_and_the_threads(self, server, tmp_path):
        assert "Type: inuse_space" in self.top(f"{server.admin_url}/debug/pprof/heap", tmp_path)
        threads = self.top(f"{server.admin_url}/debug/pprof/goroutine", tmp_path)
        assert "Type: goroutine" in threads and "gauntlet::base::EventLoop::run_once" in threads
