"""group(): what runs in it has its tags, whenever it runs, and what is set inside stays inside."""
import json
import subprocess
import sys

import pytest

from test_engine_safety import run
from test_stack import ROOT

HEAD = """
import http from 'k6/http';
import grpc from 'k6/net/grpc';
import exec from 'k6/execution';
import { group } from 'k6';
import { Counter } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';
import { setTimeout } from 'k6/timers';
const seen = new Counter('seen');
const see = (at) => seen.add(1, { at });
const soon = (ms = 1) => new Promise((resolve) => setTimeout(resolve, ms));
export const options = { vus: 1, iterations: 1 };
"""


@pytest.fixture(scope="module")
def ports():
    server = subprocess.Popen([sys.executable, ROOT / "tests" / "conformance" / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield json.loads(server.stdout.readline())
    server.stdin.close()
    server.wait(10)


def points(tmp_path, script, *flags):
    """{at: tags} of what see() noted, and the groups' durations by group."""
    ran = run(tmp_path, HEAD + script, "-q", "--out", "json=points.ndjson", *flags)
    assert ran.code == 0 and "error" not in ran.err, ran.err
    read = [json.loads(line) for line in (tmp_path / "points.ndjson").read_text().splitlines()]
    of = [point for point in read if point["type"] == "Point"]
    return ({point["data"]["tags"]["at"]: point["data"]["tags"] for point in of if point["metric"] == "seen"},
            {point["data"]["tags"]["group"]: point["data"]["value"] for point in of if point["metric"] == "group_duration"})


def test_a_group_goes_on_after_await_and_beside_others(tmp_path):
    seen, durations = points(tmp_path, """
export default async function () {
  const both = Promise.all([1, 2].map((n) => group(`g${n}`, async () => {
    exec.vu.tags.inside = `${n}`;
    see(`${n} first`);
    await soon(20 * n);
    see(`${n} then`);
    group('inner', () => see(`${n} inner`));
    await group('later', async () => { await soon(); see(`${n} later`); });
    await Promise.resolve().then(() => see(`${n} job`));
    return n;
  })));
  see('beside');
  if ((await both).join() !== '1,2') throw new Error('no values');
  see('after');
}""")
    for n in "12":
        assert {at: seen[f"{n} {at}"]["group"] for at in ("first", "then", "inner", "later", "job")} == {
            "first": f"::g{n}", "then": f"::g{n}", "inner": f"::g{n}::inner", "later": f"::g{n}::later", "job": f"::g{n}"}
        assert all(seen[f"{n} {at}"]["inside"] == n for at in ("first", "then", "inner", "later", "job"))
    assert all(seen[at]["group"] == "" and "inside" not in seen[at] for at in ("beside", "after"))
    assert durations["::g1"] >= 20 and durations["::g2"] >= 40 and set(durations) >= {"::g1::inner", "::g2::later"}


def test_a_group_goes_on_in_timers_and_in_listeners(tmp_path, ports):
    seen, _ = points(tmp_path, """
const client = new grpc.Client();
client.load([__ENV.PROTOS], 'conformance.proto');
export default function () {
  group('timer', () => { setTimeout(() => see('timer'), 5); });
  const socket = new WebSocket(`ws://${__ENV.WS}/echo`);
  socket.onopen = () => { see('open'); group('talk', () => { socket.addEventListener('message', () => { see('message'); socket.close(); }); socket.send('x'); }); };
  group('calls', () => {
    client.connect(__ENV.GRPC, { plaintext: true });
    const stream = new grpc.Stream(client, 'conformance.Greeter/Chat');
    stream.on('data', () => see('data'));
    stream.on('end', () => { see('end'); client.close(); });
    stream.write({ name: 'a' });
    stream.end();
  });
  see('outside');
}""", "-e", f"WS=127.0.0.1:{ports['ws']}", "-e", f"GRPC=127.0.0.1:{ports['grpc']}", "-e", f"PROTOS={ports['protos']}")
    assert {at: tags["group"] for at, tags in seen.items()} == {
        "timer": "::timer", "open": "", "message": "::talk", "data": "::calls", "end": "::calls", "outside": ""}


def test_a_group_that_throws_later_ends_and_rejects(tmp_path):
    seen, durations = points(tmp_path, """
export default async function () {
  try { await group('g', async () => { await soon(); throw new Error('mine'); }); } catch (e) { see(e.message); }
}""")
    assert seen["mine"]["group"] == "" and "::g" in durations


def test_strict_k6_keeps_to_the_call(tmp_path):
    seen, _ = points(tmp_path, """
export default function () {
  group('g', () => { exec.vu.tags.inside = '1'; setTimeout(() => see('timer'), 1); });
  see('after');
  try { group('a', async () => {}); } catch (e) { see('refused'); }
}""", "--strict-k6")
    assert seen["timer"]["group"] == "" and seen["after"]["inside"] == "1" and "refused" in seen


def test_metadata_set_inside_goes_with_what_ends_later(tmp_path, ports):
    ran = run(tmp_path, HEAD + """
export default async function () {
  await group('g', async () => {
    exec.vu.metrics.metadata.inside = 'yes';
    await http.asyncRequest('GET', 'http://127.0.0.1:%d/get');
  });
}""" % ports["http"], "-q", "--out", "points=points.ndjson")
    read = [json.loads(line) for line in (tmp_path / "points.ndjson").read_text().splitlines()]
    assert ran.code == 0, ran.err
    assert [one["data"]["metadata"]["inside"] for one in read if one["type"] == "Point" and one["metric"] == "http_reqs"] == ["yes"]
