"""A small Prometheus, InfluxDB or OpenTelemetry collector: keeps what an engine's outputs send to it.

    with MetricsReceiver() as receiver:
        run("--out", f"influxdb={receiver.url}/db")
    receiver.bodies("/write")

Bodies are decoded with others' libraries: cramjam for Snappy, opentelemetry-proto for OTLP.
"""
import concurrent.futures
import http.server
import struct
import threading

import cramjam
import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceServicer, add_MetricsServiceServicer_to_server


class MetricsReceiver:
    def __init__(self, answers=()):
        """`answers`: statuses to give first, one a request; then 204."""
        self.requests = []  # (path with query, headers, body)
        self.released = threading.Event()  # a stalled receiver answers once it is set
        self.released.set()
        self._answers = list(answers)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                receiver.requests.append((self.path, self.headers, body))
                receiver.released.wait(60)
                status = receiver._answers.pop(0) if receiver._answers and "query" not in self.path else 204
                text = b"" if status < 300 else b"not today\n"
                try:
                    self.send_response(status)
                    if status != 204:
                        self.send_header("content-length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # who sent it waits no longer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def bodies(self, part_of_path):
        return [body for path, _, body in self.requests if part_of_path in path]


class GrpcCollector(MetricsServiceServicer):
    """An OpenTelemetry collector as grpcio's server makes one."""

    def __init__(self, answers=(), credentials=None):
        """`answers`: statuses to give first, one a call; then OK. `credentials`: grpc.ssl_server_credentials(...)."""
        self.requests = []  # (metadata, request), refused ones, too
        self._answers = list(answers)
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        add_MetricsServiceServicer_to_server(self, self._server)
        add_port = self._server.add_insecure_port if credentials is None else lambda address: self._server.add_secure_port(address, credentials)
        self.address = f"127.0.0.1:{add_port('127.0.0.1:0')}"

    def Export(self, request, context):
        self.requests.append((dict(context.invocation_metadata()), request))
        if self._answers:
            context.abort(self._answers.pop(0), "not today")
        return ExportMetricsServiceResponse()

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(0)


def fields_of(message):
    """(number, value) of a protobuf message's fields, undecoded: https://protobuf.dev/programming-guides/encoding/."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            yield number, varint()
        elif wire_type == 1:
            yield number, struct.unpack("<d", message[at:at + 8])[0]
            at += 8
        else:
            size = varint()
            yield number, message[at:at + size]
            at += size


def remote_write(body):
    """[(labels in their order, value, milliseconds)] of a remote-write request; proto3 leaves zeros out."""
    series = []
    for _, text in fields_of(bytes(cramjam.snappy.decompress_raw(body))):
        labels, sample = [], {}
        for number, part in fields_of(text):
            pair = dict(fields_of(part))
            if number == 1:
                labels.append((pair[1].decode(), pair[2].decode()))
            elif number == 2:
                sample = pair
        if sample:
            series.append((labels, sample.get(1, 0.0), sample[2]))
    return series


def signed(packed):
    """Zigzag numbers of a packed field."""
    numbers, value, shift = [], 0, 0
    for byte in packed:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value >> 1 ^ -(value & 1))
            value = shift = 0
    return numbers


def native_histograms(body):
    """[(labels, {count, sum, schema, zeros, buckets: {index: count} by sign})] of a remote-write request
    (https://prometheus.io/docs/specs/native_histograms/)."""
    def buckets(spans, deltas):
        counts, index, count, rest = {}, 0, 0, iter(deltas)
        for span in spans:
            fields = dict(fields_of(span))
            index += signed_one(fields.get(1, 0))
            for _ in range(fields[2]):
                count += next(rest)
                counts[index] = count
                index += 1
        assert next(rest, None) is None
        return counts

    def signed_one(value):
        return value >> 1 ^ -(value & 1)

    found = []
    for _, text in fields_of(bytes(cramjam.snappy.decompress_raw(body))):
        parts = list(fields_of(text))
        labels = {pair[1].decode(): pair[2].decode() for number, part in parts if number == 1 for pair in [dict(fields_of(part))]}
        for histogram in [part for number, part in parts if number == 4]:
            fields = list(fields_of(histogram))
            one = dict(fields)
            found.append((labels, {
                "count": one.get(1, 0), "sum": one.get(3, 0.0), "schema": signed_one(one.get(4, 0)), "zeros": one.get(6, 0),
                "negative": buckets([v for n, v in fields if n == 8], signed(one.get(9, b""))),
                "positive": buckets([v for n, v in fields if n == 11], signed(one.get(12, b"")))}))
    return found


def otlp(body):
    """A collector's reading: {metric name: metric}, and the resource's attributes. `body`: a request, or its bytes."""
    request = ExportMetricsServiceRequest.FromString(body) if isinstance(body, bytes) else body
    (resource,) = request.resource_metrics
    attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
    return {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}, attributes
