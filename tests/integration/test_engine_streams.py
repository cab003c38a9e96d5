"""Streams beyond k6 1.8 (WritableStream, pipes, tee, iteration): the engine and Node.js, which has the standard's streams of
its own, print the same for the same script, order of jobs included. What k6 1.8 has is tests/conformance/scripts/streams_*."""
import json
import pathlib
import re
import shutil
import subprocess

from test_stack import ROOT

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"
SCRIPT = pathlib.Path(__file__).with_name("streams_beyond_k6.js")


def on_the_engine(script):
    ran = subprocess.run([GAUNTLET, "run", "--no-color", "-q", script.name], cwd=script.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    messages = re.findall(r'level=info msg=("(?:[^"\\]|\\.)*"|\S+)', ran.stderr)
    return [json.loads(m) if m.startswith('"') else m for m in messages]


def on_node(script):
    node = subprocess.run([ROOT / "scripts" / "npm", "--path-of-node"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout.strip()
    module = script.parent / "node_modules" / "k6"
    module.mkdir(parents=True)
    (module / "package.json").write_text('{"type": "module", "exports": {"./experimental/streams": "./streams.js"}}')
    (module / "streams.js").write_text("export const { ReadableStream, WritableStream, WritableStreamDefaultWriter, ByteLengthQueuingStrategy } = globalThis;")
    (script.parent / "main.mjs").write_text(f"import run from './{script.name}';\nawait run();\n")
    (script.parent / "package.json").write_text('{"type": "module"}')
    ran = subprocess.run([node, "main.mjs"], cwd=script.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout.splitlines()


def test_streams_are_those_of_the_standard(tmp_path):
    script = tmp_path / SCRIPT.name
    shutil.copy(SCRIPT, script)
    ours, theirs = on_the_engine(script), on_node(script)
    assert len(theirs) > 50
    assert ours == theirs


BLOB = """
import { Blob } from 'k6/websockets';
export default async function () {
  for await (const chunk of new Blob(['abc', new Uint8Array([1, 2]).buffer]).stream()) console.log(chunk instanceof Uint8Array, chunk.join());
  for await (const chunk of new Blob([]).stream()) console.log('must not be');
}
"""


def test_a_blob_streams_its_bytes(tmp_path):
    (tmp_path / "script.js").write_text(BLOB)
    assert on_the_engine(tmp_path / "script.js") == ["true 97,98,99,1,2"]
