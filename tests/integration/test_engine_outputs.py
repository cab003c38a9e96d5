"""`--out` to receivers: what arrives, what k6 would have sent, and what is said when a receiver does not take it."""
import json
import math
import os
import re
import socket
import struct
import subprocess
import time
import urllib.request

import grpc
import pytest

from given_k6 import given_k6
from metrics_receiver import GrpcCollector, MetricsReceiver, native_histograms, otlp, remote_write
from test_stack import ROOT, wait_for

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"

SCRIPT = """
import { check, group } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const trend = new Trend('wait_time', true), plain = new Trend('size'), count = new Counter('things');
const gauge = new Gauge('level'), rate = new Rate('luck');
export const options = { vus: 2, iterations: 100 };
export default function () {
  trend.add(12.5, { kind: 'a b,c=d"e' });
  plain.add(3);
  count.add(2, { 'x-y': 'z' });
  gauge.add(7);
  rate.add(true);
  rate.add(false);
  check(1, { 'is fine': true });
  group('inner', () => check(1, { 'is not': false }));
}
"""
MANY = """
import { Counter } from 'k6/metrics';
const count = new Counter('things');
export const options = { vus: 1, iterations: 1 };
export default function () { for (let i = 0; i < %d; ++i) count.add(1, { i: String(i) }); }
"""


def run(tmp_path, output, script=SCRIPT, *flags, program=GAUNTLET, **variables):
    (tmp_path / "script.js").write_text(script)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("K6_")}
    return subprocess.run([program, "run", "-q", "--no-color", *flags, "--out", output, "script.js"], cwd=tmp_path, env={**environment, **variables},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)


def newest(requests):
    """{(name, labels): value} after all pushes."""
    series = {}
    for body in requests:
        for labels, value, _ in remote_write(body):
            assert [name for name, _ in labels] == sorted(name for name, _ in labels), "receivers demand sorted labels"
            named = dict(labels)
            series[named.pop("__name__"), tuple(sorted(named.items()))] = value
    return series


def test_prometheus_gets_every_series_under_the_names_that_k6_gives(tmp_path):
    with MetricsReceiver() as receiver:
        ran = run(tmp_path, "experimental-prometheus-rw", K6_PROMETHEUS_RW_SERVER_URL=receiver.url + "/api/v1/write",
                  K6_PROMETHEUS_RW_TREND_STATS="p(99),p(99.9),avg,count,sum", K6_PROMETHEUS_RW_USERNAME="me", K6_PROMETHEUS_RW_PASSWORD="secret",
                  K6_PROMETHEUS_RW_HTTP_HEADERS="X-Scope-OrgID:team")
    assert ran.returncode == 0, ran.stderr
    assert "level=warning" not in ran.stderr
    path, headers, _ = receiver.requests[0]
    assert path == "/api/v1/write"
    assert headers["content-encoding"] == "snappy" and headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert headers["authorization"].startswith("Basic ") and headers["x-scope-orgid"] == "team"
    series = newest(receiver.bodies("write"))
    default = ("scenario", "default")
    kind = ("kind", 'a b,c=d"e')
    assert series["k6_wait_time_p99", (kind, default)] == pytest.approx(0.0125)
    assert series["k6_wait_time_p999", (kind, default)] == pytest.approx(0.0125)
    assert series["k6_wait_time_sum", (kind, default)] == pytest.approx(1.25)
    assert series["k6_wait_time_count", (kind, default)] == 100
    assert series["k6_size_avg", (default,)] == 3
    assert series["k6_things_total", (default, ("x_y", "z"))] == 200
    assert series["k6_level", (default,)] == 7
    assert series["k6_luck_rate", (default,)] == 0.5
    assert series["k6_checks_rate", (("check", "is fine"), default)] == 1
    assert series["k6_checks_rate", (("check", "is not"), ("group", "::inner"), default)] == 0
    assert series["k6_iterations_total", (default,)] == 100


def test_prometheus_gets_the_labels_of_all_series_where_a_tag_does_not_say_otherwise(tmp_path):
    with MetricsReceiver() as receiver:
        run(tmp_path, f"prometheus-rw={receiver.url}/write", K6_PROMETHEUS_RW_LABELS="region=west, scenario=mine,te-am=red")
    series = newest(receiver.bodies("write"))
    of_all = (("region", "west"), ("scenario", "default"), ("te_am", "red"))
    assert series["k6_level", of_all] == 7
    assert all(set(of_all) - {("scenario", "default")} <= set(labels) for _, labels in series)


@pytest.mark.parametrize("flags,variables", [([], {"K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM": "true"}), (["--features", "native-histograms"], {})])
def test_prometheus_gets_trends_as_native_histograms(tmp_path, flags, variables):
    """The second push has more values than a distribution keeps one by one, and no bucket has fewer."""
    script = """
        import { sleep } from 'k6';
        import { Trend, Counter } from 'k6/metrics';
        const wait = new Trend('wait', true), plain = new Trend('plain'), bytes = new Counter('things');
        export const options = { vus: 1, iterations: 2 };
        export default function () {
          for (let i = 0; i < 3000; ++i) { wait.add(1 + i % 100 / 10); plain.add([-3, 0, 1, 1000][i % 4]); }
          bytes.add(1);
          sleep(0.6);
        }"""
    with MetricsReceiver() as receiver:
        ran = run(tmp_path, f"prometheus-rw={receiver.url}/write", script, *flags, K6_PROMETHEUS_RW_PUSH_INTERVAL="300ms",
                  K6_PROMETHEUS_RW_STALE_MARKERS="true", **variables)
    assert ran.returncode == 0, ran.stderr
    bodies = receiver.bodies("write")
    pushes = {"k6_wait_seconds": [], "k6_plain": []}
    for body in bodies:
        for labels, histogram in native_histograms(body):
            if labels["__name__"] in pushes:
                pushes[labels["__name__"]].append(histogram)
    *_, plain, ended = pushes["k6_plain"]
    assert math.isnan(ended["sum"]) and ended["count"] == 0
    assert (plain["count"], plain["sum"], plain["zeros"]) == (6000, 1500 * 998, 1500)
    bounds = {sign: {2 ** (index / 8): count for index, count in plain[sign].items()} for sign in ("negative", "positive")}
    assert {upper: count for upper, count in bounds["negative"].items() if count} == {min(u for u in bounds["negative"] if u >= 3): 1500}
    for value in (1, 1000):
        assert [count for upper, count in bounds["positive"].items() if upper / 2 ** 0.125 < value * 1.0006 <= upper] == [1500]
    *waits, _ = pushes["k6_wait_seconds"]
    assert [w["count"] for w in waits][-1] == 6000 and 3000 in [w["count"] for w in waits]
    assert waits[-1]["sum"] == pytest.approx(6000 * 5.95e-3) and waits[-1]["schema"] == 3
    for before, after in zip(waits, waits[1:]):
        assert all(after["positive"][index] >= count for index, count in before["positive"].items())
    assert sum(waits[-1]["positive"].values()) == 6000
    assert not any(name.startswith("k6_wait_p") for name, _ in newest(bodies))


def test_prometheus_is_told_that_the_series_have_ended(tmp_path):
    with MetricsReceiver() as receiver:
        run(tmp_path, f"prometheus-rw={receiver.url}/write", K6_PROMETHEUS_RW_STALE_MARKERS="true")
    values = [struct.pack("<d", value) for _, value, _ in remote_write(receiver.bodies("write")[-1])]
    assert values and set(values) == {struct.pack("<Q", 0x7FF0000000000002)}


def test_prometheus_scrapes_a_page_while_the_test_runs(tmp_path):
    (tmp_path / "script.js").write_text("import { sleep } from 'k6'; import { Trend } from 'k6/metrics'; const t = new Trend('wait_time', true);"
                                        "export default function () { t.add(20, { kind: 'a\"b' }); sleep(0.2); }")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([GAUNTLET, "run", "--no-color", "-d", "60s", "--out", f"prometheus={port}", "script.js"], cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        address = next(m[0] for line in process.stdout if (m := re.search(r"http://127\.0\.0\.1:\d+/metrics", line)))
        page = {}

        def is_full():
            page["text"] = urllib.request.urlopen(address, timeout=30).read().decode()
            return "k6_vus " in page["text"]

        assert wait_for(is_full, 30)
    finally:
        process.terminate()
        process.stdout.read()
        process.wait(30)
    assert '# TYPE k6_wait_time_p99 gauge\nk6_wait_time_p99{kind="a\\"b",scenario="default"} 0.02\n' in page["text"]
    assert "# TYPE k6_iterations_total counter\n" in page["text"]


def test_influxdb_gets_the_lines_that_k6_writes(tmp_path):
    with MetricsReceiver() as receiver:
        ran = run(tmp_path, f"influxdb=http://me:secret@127.0.0.1:{receiver.port}/my%20db", SCRIPT, "--system-tags", "scenario,group,check,vu,url",
                  K6_INFLUXDB_RETENTION="week")
    assert ran.returncode == 0, ran.stderr
    (create, headers, _), (write, _, _) = receiver.requests[:2]
    assert create == "/query?q=CREATE%20DATABASE%20%22my%20db%22" and headers["authorization"].startswith("Basic ")
    assert write == "/write?consistency=&db=my%20db&precision=ns&rp=week"
    lines = b"".join(receiver.bodies("/write?")).decode().splitlines()
    # k6 1.8.1's own line for this sample, the time left out
    kind = [line for line in lines if line.startswith("wait_time")]
    assert re.fullmatch(r'wait_time,kind=a\\ b\\,c\\=d"e,scenario=default value=12.5,vu=[12]i \d{19}', kind[0])
    assert len(kind) == 100
    assert sum("things,scenario=default,x-y=z value=2" in line for line in lines) == 100
    assert sum(line.startswith("checks,check=is\\ not,group=::inner,scenario=default value=0") for line in lines) == 100
    assert abs(int(kind[0].split()[-1]) / 1e9 - time.time()) < 100


def test_a_collector_gets_opentelemetry_metrics(tmp_path):
    with MetricsReceiver() as receiver:
        ran = run(tmp_path, "opentelemetry", K6_OTEL_HTTP_EXPORTER_ENDPOINT=f"127.0.0.1:{receiver.port}", K6_OTEL_HTTP_EXPORTER_INSECURE="true",
                  K6_OTEL_METRIC_PREFIX="k6_", K6_OTEL_HEADERS="x-team=red,x-other=1", K6_OTEL_SERVICE_NAME="shop")
    assert ran.returncode == 0, ran.stderr
    path, headers, body = receiver.requests[-1]
    assert path == "/v1/metrics" and headers["content-type"] == "application/x-protobuf" and headers["x-team"] == "red"
    metrics, resource = otlp(body)
    assert resource["service.name"] == "shop"
    (point,) = metrics["k6_wait_time"].histogram.data_points
    assert metrics["k6_wait_time"].unit == "ms" and point.count == 100 and point.sum == 1250 and point.min == point.max == 12.5
    assert list(point.explicit_bounds[:4]) == [0, 5, 10, 25] and list(point.bucket_counts[:5]) == [0, 0, 0, 100, 0]
    assert {a.key: a.value.string_value for a in point.attributes} == {"kind": 'a b,c=d"e', "scenario": "default"}
    (things,) = metrics["k6_things"].sum.data_points
    assert things.as_double == 200 and metrics["k6_things"].sum.is_monotonic and metrics["k6_things"].sum.aggregation_temporality == 2
    assert metrics["k6_level"].gauge.data_points[0].as_double == 7
    luck = {next(a.value.string_value for a in p.attributes if a.key == "condition"): p.as_int for p in metrics["k6_luck.total"].sum.data_points}
    assert luck == {"nonzero": 100, "zero": 100}
    assert things.start_time_unix_nano < things.time_unix_nano


SETTINGS = {"K6_OTEL_METRIC_PREFIX": "k6_", "K6_OTEL_HEADERS": "X-Team=red", "K6_OTEL_SERVICE_NAME": "shop"}


@pytest.mark.parametrize("way", ["variables", "argument", "k6"])
def test_a_collector_gets_opentelemetry_metrics_over_grpc(tmp_path, way):
    with GrpcCollector() as collector:
        if way == "argument":
            ran = run(tmp_path, f"opentelemetry=grpc://{collector.address}", **SETTINGS)
        else:
            variables = {**SETTINGS, "K6_OTEL_GRPC_EXPORTER_ENDPOINT": collector.address, "K6_OTEL_GRPC_EXPORTER_INSECURE": "true"}
            if way == "k6" and given_k6() is None:
                pytest.skip("K6 names no k6")
            flags, program = (["--address", ""], given_k6()) if way == "k6" else ([], GAUNTLET)  # it would take port 6565
            ran = run(tmp_path, "opentelemetry", SCRIPT, *flags, program=program, **variables)
    assert ran.returncode == 0 and "level=warning" not in ran.stderr, ran.stderr
    metadata, request = collector.requests[-1]
    assert metadata["x-team"] == "red"
    metrics, resource = otlp(request)
    assert resource["service.name"] == "shop"
    (point,) = metrics["k6_wait_time"].histogram.data_points
    assert metrics["k6_wait_time"].unit == "ms" and point.count == 100 and point.sum == 1250
    luck = {next(a.value.string_value for a in p.attributes if a.key == "condition"): p.as_int for p in metrics["k6_luck.total"].sum.data_points}
    assert luck == {"nonzero": 100, "zero": 100}


def test_a_collector_is_given_a_name_and_a_password(tmp_path):
    known = {"K6_OTEL_USERNAME": "me", "K6_OTEL_PASSWORD": "a:b"}
    with MetricsReceiver() as receiver:
        run(tmp_path, f"opentelemetry={receiver.url}", **known)
    with GrpcCollector() as collector:
        run(tmp_path, f"opentelemetry=grpc://{collector.address}", **known)
    assert receiver.requests[-1][1]["authorization"] == collector.requests[-1][0]["authorization"] == "Basic bWU6YTpi"


def test_a_grpc_collector_that_cannot_just_now_is_asked_again_and_one_that_says_no_is_quoted(tmp_path):
    with GrpcCollector(answers=[grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]) as collector:
        ran = run(tmp_path, f"opentelemetry=grpc://{collector.address}")
    assert len(collector.requests) == 3 and "level=warning" not in ran.stderr
    with GrpcCollector(answers=[grpc.StatusCode.INVALID_ARGUMENT] * 50) as collector:
        ran = run(tmp_path, f"opentelemetry=grpc://{collector.address}")
    assert ran.returncode == 0 and len(collector.requests) == 1
    assert f"{collector.address} answered InvalidArgument: not today" in ran.stderr
    away = run(tmp_path, f"opentelemetry=grpc://{collector.address}")
    assert away.returncode == 0 and "connection refused" in away.stderr and re.search(r"OpenTelemetry collector: 1 of 1 pushes were lost, with \d{3,} samples", away.stderr)


def test_a_grpc_collector_is_reached_by_tls_with_the_certificates_that_are_named(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True)
    key, certificate = (tmp_path / "key.pem").read_bytes(), (tmp_path / "cert.pem").read_bytes()
    # One certificate for both sides: the server wants to see it, too.
    with GrpcCollector(credentials=grpc.ssl_server_credentials([(key, certificate)], certificate, True)) as collector:
        settings = {"K6_OTEL_GRPC_EXPORTER_ENDPOINT": collector.address, "K6_OTEL_TLS_CERTIFICATE": "cert.pem"}
        stranger = run(tmp_path, "opentelemetry", **settings)
        assert not collector.requests and "OpenTelemetry collector did not take what was sent to it" in stranger.stderr
        known = run(tmp_path, "opentelemetry", **settings, K6_OTEL_TLS_CLIENT_CERTIFICATE="cert.pem", K6_OTEL_TLS_CLIENT_KEY="key.pem")
        assert "level=warning" not in known.stderr, known.stderr
        assert len(collector.requests) == 1
        unverified = run(tmp_path, "opentelemetry", K6_OTEL_GRPC_EXPORTER_ENDPOINT=collector.address)
        assert "certificate" in unverified.stderr and len(collector.requests) == 1


def test_a_receiver_that_refuses_for_a_moment_gets_it_all_the_same(tmp_path):
    with MetricsReceiver(answers=[503, 429]) as receiver:
        ran = run(tmp_path, f"prometheus-rw={receiver.url}/write")
    assert "level=warning" not in ran.stderr
    assert newest(receiver.bodies("write"))["k6_iterations_total", (("scenario", "default"),)] == 100


def test_a_receiver_that_is_away_costs_its_samples_and_says_so_and_not_the_test(tmp_path):
    with MetricsReceiver() as receiver:
        nobody = receiver.port
    ran = run(tmp_path, f"influxdb=http://127.0.0.1:{nobody}/db", SCRIPT)
    assert ran.returncode == 0
    assert "InfluxDB did not take what was sent to it" in ran.stderr and f"127.0.0.1:{nobody}" in ran.stderr
    assert re.search(r"InfluxDB: \d+ of \d+ pushes were lost, with \d{3,} samples", ran.stderr)


def test_a_receiver_that_says_no_is_quoted(tmp_path):
    with MetricsReceiver(answers=[400] * 50) as receiver:
        ran = run(tmp_path, f"opentelemetry={receiver.url}")
    assert f"{receiver.url}/v1/metrics answered 400: not today" in ran.stderr


def test_a_receiver_that_hangs_holds_up_neither_the_test_nor_its_exit_for_long(tmp_path):
    with MetricsReceiver() as receiver:
        receiver.released.clear()
        began = time.monotonic()
        ran = run(tmp_path, f"influxdb={receiver.url}/db", SCRIPT.replace("iterations: 100", "duration: '1s'"), "--summary-export", "s.json",
                  K6_INFLUXDB_PUSH_INTERVAL="10ms")
        assert time.monotonic() - began < 60
    assert ran.returncode == 0
    assert "slower than the test, 16 pushes wait already" in ran.stderr
    assert json.loads((tmp_path / "s.json").read_text())["metrics"]["iterations"]["count"] > 0


def test_more_combinations_of_tags_than_are_kept_are_told(tmp_path):
    with MetricsReceiver() as receiver:
        ran = run(tmp_path, f"prometheus-rw={receiver.url}/write", MANY % 12_000)
    assert re.search(r"Prometheus remote write: \d+ samples were left out, as the test has more than 10000 combinations", ran.stderr), ran.stderr
    assert len(newest(receiver.bodies("write"))) <= 10_000


@pytest.mark.parametrize("output,variables,said", [
    ("influxdb=nonsense://x", {}, "is no address of an InfluxDB"),
    ("influxdb", {"K6_INFLUXDB_PRECISION": "days"}, "K6_INFLUXDB_PRECISION"),
    ("prometheus-rw", {"K6_PROMETHEUS_RW_TREND_STATS": "p(101)"}, "K6_PROMETHEUS_RW_TREND_STATS"),
    ("prometheus-rw", {"K6_PROMETHEUS_RW_LABELS": "west"}, "K6_PROMETHEUS_RW_LABELS"),
    ("prometheus-rw", {"K6_PROMETHEUS_RW_PUSH_INTERVAL": "soon"}, "K6_PROMETHEUS_RW_PUSH_INTERVAL"),
    ("opentelemetry", {"K6_OTEL_EXPORTER_PROTOCOL": "nope"}, 'unsupported exporter protocol \\"nope\\", only \\"grpc\\" and \\"http/protobuf\\" are supported'),
    ("opentelemetry", {"K6_OTEL_GRPC_EXPORTER_INSECURE": "perhaps"}, "K6_OTEL_GRPC_EXPORTER_INSECURE"),
    ("prometheus=99999999", {}, "no port to be scraped at"),
])
def test_wrong_settings_are_told_before_anything_runs(tmp_path, output, variables, said):
    ran = run(tmp_path, output, SCRIPT, **variables)
    assert ran.returncode == 255
    assert f"could not create the '{output.split('=')[0]}' output" in ran.stderr and said in ran.stderr


@pytest.mark.parametrize("flags", [["--out", "json=new/folder/results.json"], ["--out", "points=new/folder/points.json"], ["--summary-export", "new/folder/summary.json"]])
def test_the_folder_of_a_file_is_made(tmp_path, flags):
    done = run(tmp_path, "csv=new/other/points.csv", SCRIPT, *flags)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / flags[1].split("=")[-1]).read_text().startswith("{")
    assert (tmp_path / "new/other/points.csv").read_text().startswith("metric_name")


@pytest.mark.parametrize("flags", [["--out", "json=script.js/results.json"], ["--summary-export", "script.js/summary.json"]])
def test_a_file_that_cannot_be_made_is_told_before_anything_runs(tmp_path, flags):
    done = run(tmp_path, "csv=points.csv", "export default function () { console.log('it ran'); }", *flags)
    assert done.returncode == 255 and "it ran" not in done.stderr, done.stderr
    assert "make the folder script.js: Not a directory" in done.stderr, done.stderr


def test_a_folder_is_no_file_for_results(tmp_path):
    (tmp_path / "folder.json").mkdir()
    done = run(tmp_path, "json=folder.json", "export default function () { console.log('it ran'); }")
    assert done.returncode == 255 and "it ran" not in done.stderr and "folder.json: Is a directory" in done.stderr, done.stderr
