"""URL, URLSearchParams and structuredClone against Node.js, where there is one: each line must be the same; and what holds without it."""
import pathlib
import shutil
import subprocess

import pytest

from test_engine_commands import GAUNTLET, run
from test_stack import ROOT

SCRIPT = """
const lines = [];
const say = (...values) => lines.push(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' '));
const shown = (make) => { try { return make(); } catch (error) { return error.constructor.name; } };
for (const [url, base] of [['http://a'], ['HTTP://A:80/b/../c?x=1#f'], ['https://u:p@h:444/a b?q=\\u00e4 b#\\u00fc'], ['/x', 'http://h/a/b?q'], ['x?y', 'http://h/a/b?q#z'],
  ['?y', 'http://h/a/b?q'], ['#y', 'http://h/a/b?q'], ['', 'http://h/a/b?q#r'], ['//o/p', 'https://h/a'], ['nope'], ['mailto:a@b.c'], ['file:///etc/passwd'],
  ['http://[::1]:8080/'], ['http://h:99999/'], ['http://h:x/'], ['http:///'], ['http://h\\\\a\\\\b'], ['  http://h/ \\n'], ['ws://h:80/x'], ['foo://h/a/../b'],
  ['http://h/%7Efoo/%zz'], ["http://h/?a='b'&c=d+e%20f"], ['../../x', 'http://h/a/b/c/d'], ['./', 'http://h/a/b'], ['..', 'http://h/a/b/c'], ['http:x', 'http://h/a/b'],
  ['http://h/{x}|y`"<>'], ['http://h/?{x}|y`"<>'], ['http://h#{x}`"<>'], ['http://h?'], ['http://h#'], ['http://h/a//b'], ['//x'], ['http://a b/'], ['http://h:0080/']]) {
  say(url, shown(() => { const u = new URL(url, base); return [u.href, u.origin, u.username, u.password, u.host, u.port, u.pathname, u.search, u.hash, [...u.searchParams]]; }));
}
for (const [name, value] of [['search', '?a=b c'], ['search', ''], ['hash', 'x y'], ['pathname', 'a b?c#d'], ['host', 'x:99'], ['hostname', 'z'], ['port', '123'], ['port', '80'],
  ['port', 'abc'], ['protocol', 'https'], ['protocol', 'foo'], ['username', 'a:b'], ['password', 'c@d'], ['href', 'http://q/']]) {
  const u = new URL('http://u:p@h:81/p?q=1#f');
  const params = u.searchParams;
  u[name] = value;
  say(name, u.href, String(params));
}
for (const init of ['a=1&b=2&a=3', '?x=%zz&y=%E4%F6&z=+1', [['a', '1'], ['b', '\\u00e4']], { a: 1, b: 'x&y' }, 'a&=b&c=', "%e2%82%ac=\\u20ac~!*()'-._"]) {
  const params = new URLSearchParams(init);
  say(String(params), params.get('a'), params.getAll('a'), params.has('b'), params.size, [...params.keys()]);
  params.set('a', '9'); params.append('n', 'm o'); params.delete('b'); params.sort();
  say(String(params));
}
const u = new URL('http://h/?a=1#z');
u.searchParams.append('b', 'c d');
say(u.href, JSON.stringify({ u }), URL.canParse('x'));
const given = { list: [1, , 3], date: new Date(5), pattern: /x/gi, map: new Map([[1, new Set([2])]]), bytes: new Uint8Array([1, 2, 3]).subarray(1), error: new TypeError('t') };
given.self = given;
given.again = given.map;
const copy = structuredClone(given);
say(copy.self === copy, copy.again === copy.map, copy.map !== given.map, copy.map.get(1).has(2), copy.date.getTime(), String(copy.pattern), [...copy.bytes], copy.bytes.buffer !== given.bytes.buffer,
  copy.error instanceof TypeError, 1 in copy.list);
for (const refused of [() => 1, Symbol('a'), { f() {} }, Promise.resolve()]) say(shown(() => structuredClone(refused)));
"""


def ours(folder):
    (folder / "script.js").write_text(SCRIPT + "\nfor (const line of lines) console.log(line);\nexport default function () {}\n")
    said = run(folder, GAUNTLET, "run", "-q", "--log-format", "raw", "script.js")
    assert said.returncode == 0, said.stderr
    return said.stderr.splitlines()[:len(said.stderr.splitlines()) // 2]  # the script is loaded twice


@pytest.mark.skipif(not (ROOT / "build/_deps/web/node").exists() and not shutil.which("node"), reason="there is no Node.js")
def test_urls_and_clones_are_as_in_node(tmp_path):
    (tmp_path / "node.mjs").write_text(SCRIPT + "\nfor (const line of lines) console.log(line);\n")
    node = ROOT / "build/_deps/web/node"
    theirs = run(tmp_path, node if node.exists() else pathlib.Path(shutil.which("node")), "node.mjs")
    assert theirs.returncode == 0, theirs.stderr
    assert ours(tmp_path) == theirs.stdout.splitlines()


def test_a_script_may_have_its_own(tmp_path):
    (tmp_path / "script.js").write_text("""
globalThis.URL = class { constructor() { this.href = 'mine'; } };
const structuredClone = 5;
console.log(new URL('http://a').href, structuredClone, String(new URLSearchParams({ a: 1 })), new URL('http://a').href);
export default function () {}
""")
    assert "mine 5 a=1 mine" in run(tmp_path, GAUNTLET, "run", "-q", "--log-format", "raw", "script.js").stderr


def test_a_host_that_needs_punycode_is_refused_in_plain_words(tmp_path):
    (tmp_path / "script.js").write_text("try { new URL('http://b\\u00fccher.test/'); } catch (e) { console.log(`${e}`); }\nexport default function () {}")
    assert "written in Punycode here" in run(tmp_path, GAUNTLET, "run", "-q", "--log-format", "raw", "script.js").stderr
