"""The same script on real k6 1.8 and on the engine: what a user sees must be the same, or better with a reason.

Where real k6 is not on the machine and cannot be built, its stored answers in expected/ are used, and the run says so.
Update them with: tests/conformance/record
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import observation

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENGINE = ROOT / "build" / "release" / "bin" / "k6"
K6_VERSION = "v1.8.1"


def real_k6():
    """Path of a real k6 of the version we compare with, built by the Go toolchain when it is not there; or None."""
    candidates = [os.environ.get("REAL_K6"), ROOT / "build" / "tools" / "k6", pathlib.Path.home() / "go" / "bin" / "k6"]
    for candidate in filter(None, candidates):
        if pathlib.Path(candidate).exists():
            said = subprocess.run([candidate, "version"], capture_output=True, text=True).stdout
            if said.startswith(f"k6 {K6_VERSION}"):
                return pathlib.Path(candidate)
    if shutil.which("go") is None:
        return None
    target = ROOT / "build" / "tools"
    target.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(["go", "install", f"go.k6.io/k6@{K6_VERSION}"], env={**os.environ, "GOBIN": str(target)},
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    return target / "k6" if built.returncode == 0 else None


@pytest.fixture(scope="session")
def k6():
    found = real_k6()
    print(f"\nreal k6: {found or 'absent, its stored answers are used'}")
    return found


@pytest.fixture(scope="session")
def ports():
    server = subprocess.Popen([sys.executable, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield json.loads(server.stdout.readline())
    server.stdin.close()
    server.wait(10)


def scripts():
    return sorted(observation.SCRIPTS.glob("*.js")) + sorted(observation.SCRIPTS.glob("*.ts"))


@pytest.mark.parametrize("script", scripts(), ids=lambda s: s.stem)
def test_script_does_the_same_on_both(script, k6, ports):
    stored = HERE / "expected" / f"{script.stem}.json"
    if k6:
        theirs = observation.observe(k6, script, ports, ours=False)
    elif stored.exists():
        theirs = json.loads(stored.read_text())
    else:
        pytest.skip("neither real k6 nor a stored answer")
    ours = observation.observe(ENGINE, script, ports, ours=True)
    found = observation.directives(script)
    for seen in (theirs, ours):
        seen["log"] = observation.without_words(seen["log"], found["words"])
    differing = [aspect for aspect in theirs if aspect not in found["better"] and ours[aspect] != theirs[aspect]]
    for aspect in differing:
        if aspect not in found["differs"]:
            assert ours[aspect] == theirs[aspect], f"{script.name}: {aspect} differs"
    if differing:  # known and still to be mended: told in every run
        pytest.xfail("; ".join(found["differs"][aspect] for aspect in differing))
