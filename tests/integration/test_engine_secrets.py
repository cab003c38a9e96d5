"""k6/secrets: what a script gets from --secret-source, and that no log shows it."""
import subprocess

import pytest

from test_stack import ROOT

GAUNTLET = ROOT / "build" / "release" / "bin" / "gauntlet"

SCRIPT = """
import secrets from 'k6/secrets';
export const options = { iterations: 1 };
export default async function () {
  const token = await secrets.get('token');
  console.log('length', token.length, 'is it', token, { token }, `Bearer ${token}!`);
  const named = await (await secrets.source('b')).get('token').catch((e) => e.message);
  console.log('named', named.length);
  for (const wrong of [() => secrets.get('nothing'), () => secrets.source('nobody')]) {
    try { await wrong(); console.log('no error'); } catch (e) { console.log('refused', e.message); }
  }
  throw new Error(`failed with ${token}`);
}
"""


def run(tmp_path, *flags, script=SCRIPT):
    (tmp_path / "script.js").write_text(script)
    (tmp_path / "secrets.env").write_text("# ours\ntoken=hunter2-hunter\n\nother=a=b\n")
    return subprocess.run([GAUNTLET, "run", "-q", "--no-color", *flags, "script.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_a_secret_is_given_to_the_script_and_hidden_in_every_line_of_the_log(tmp_path):
    ran = run(tmp_path, "--secret-source", "file=secrets.env,default", "--secret-source", "mock=name=b,token=hunter2")
    assert "length 14 is it ***SECRET_REDACTED*** { token:" in ran.stderr
    assert "Bearer ***SECRET_REDACTED***!" in ran.stderr and "failed with ***SECRET_REDACTED***" in ran.stderr
    assert "named 7" in ran.stderr
    assert "refused no value" in ran.stderr and 'refused no secret source with name \\"nobody\\" is configured' in ran.stderr
    assert "hunter2" not in ran.stderr + ran.stdout


def test_consoles_own_file_hides_it_too(tmp_path):
    ran = run(tmp_path, "--secret-source", "mock=token=hunter2", "--console-output", "console.log")
    text = (tmp_path / "console.log").read_text()
    assert "Bearer ***SECRET_REDACTED***!" in text and "hunter2" not in text + ran.stderr


def test_the_only_source_is_the_default_one(tmp_path):
    assert "length 14" in run(tmp_path, "--secret-source", "file=name=a,filename=secrets.env").stderr


def test_without_a_source_the_script_is_told(tmp_path):
    ran = run(tmp_path)
    assert "no secret sources are configured" in ran.stderr and ran.returncode == 0


@pytest.mark.parametrize("flags,said", [
    (["vault=x"], 'no secret source for type "vault"'),
    (["file=missing.env"], "open missing.env: No such file or directory"),
    (["mock=nothing"], "a secret is KEY=VALUE"),
    (["mock=name=a,default,x=1", "mock=name=b,default,x=2"], "two secret sources that are default ones"),
    (["mock=x=1", "mock=x=2"], 'two secret sources are called "mock"'),
])
def test_wrong_sources_are_told_before_anything_runs(tmp_path, flags, said):
    ran = run(tmp_path, *[word for flag in flags for word in ("--secret-source", flag)])
    assert ran.returncode == 255 and said in ran.stderr.replace('\\"', '"')
