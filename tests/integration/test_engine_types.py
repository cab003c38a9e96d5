"""types/gauntlet.d.ts declares what the engine has, no more and no less, and the scripts of this repository are well typed by it."""
import json
import re
import subprocess

import pytest

from test_engine_commands import GAUNTLET, run
from test_stack import ROOT

TYPES = ROOT / "types" / "gauntlet.d.ts"
REGISTRY = ROOT / "src" / "engine" / "api" / "registry.cpp"
MODULES = re.findall(r'NativeModule\{"([^"]+)"', REGISTRY.read_text())
# JavaScript's own, which es2023 and esnext declare, or which no script needs to name.
LANGUAGE = """Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError AggregateError SuppressedError
Iterator Array parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape Infinity NaN
undefined eval Number Boolean String Math Reflect Symbol DisposableStack globalThis BigInt Date RegExp JSON Proxy Map Set WeakMap WeakSet
ArrayBuffer SharedArrayBuffer Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array
BigUint64Array Float16Array Float32Array Float64Array DataView Atomics Promise AsyncDisposableStack WeakRef FinalizationRegistry""".split()


def names_of(body, keyword):
    return set(re.findall(rf"^{keyword} (?:const|var|let|function|class) (\w+)", body, re.M))


def declared():
    """Of each module the exported values and the members of its classes."""
    modules = {}
    for name, body in re.findall(r"^declare module '([^']+)' \{\n(.*?)^\}", TYPES.read_text(), re.M | re.S):
        exports = names_of(body, "  export")
        for names in re.findall(r"^  export \{ ([^}]+) \}", body, re.M):
            exports |= {one.strip() for one in names.split(",")}
        exports |= {"default"} if re.search(r"^  export default", body, re.M) else set()
        classes = {}
        for one, members in re.findall(r"^  export class (\w+)[^{]*\{\n(.*?)^  \}", body, re.M | re.S):
            classes[one] = set(re.findall(r"^    (?:readonly )?([a-z]\w*)[?(:<]", members, re.M)) - {"constructor"}
        modules[name] = (exports, classes)
    return modules


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    imports = "\n".join(f"import * as m{at} from '{name}';" for at, name in enumerate(MODULES))
    (folder / "script.js").write_text(imports + """
const all = { %s };
const told = { globals: Object.getOwnPropertyNames(globalThis), modules: {} };
for (const [name, exports] of Object.entries(all)) {
  const classes = {};
  for (const [key, value] of Object.entries(exports)) {
    if (typeof value !== 'function' || !value.prototype) continue;
    classes[key] = Object.getOwnPropertyNames(value.prototype).filter((member) => member !== 'constructor');
  }
  told.modules[name] = { exports: Object.keys(exports), classes, ofDefault: Object.keys(exports.default ?? {}) };
}
console.log(JSON.stringify(told));
export default function () {}
""" % ", ".join(f"'{name}': m{at}" for at, name in enumerate(MODULES)))
    ran = run(folder, GAUNTLET, "run", "-q", "--log-format", "raw", "script.js")
    return json.loads(next(line for line in ran.stderr.splitlines() if line.startswith("{")))


def test_every_module_is_declared_and_no_other():
    assert sorted(declared()) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_exports_of_a_module_are_those_that_are_declared(found, module):
    exports, classes = declared()[module]
    told = found["modules"][module]
    assert exports == set(told["exports"])
    for name, members in classes.items():
        if told["classes"].get(name):  # natives of one instance are its own
            assert members >= set(told["classes"][name]) - {"toString"}, name


def test_what_scripts_find_without_an_import_is_declared(found):
    text = TYPES.read_text()
    assert names_of(text, "declare") == set(found["globals"]) - set(LANGUAGE)


def test_options_are_declared(tmp_path):
    (tmp_path / "script.js").write_text("export default function () {}")
    options = set(json.loads(run(tmp_path, GAUNTLET, "inspect", "script.js").stdout))
    body = re.search(r"export interface Options \{\n(.*?)^  \}", TYPES.read_text(), re.M | re.S).group(1)
    names = set(re.findall(r"^    (\w+)\?:", body, re.M))
    assert options - {"paused", "httpDebug", "consoleOutput", "localIPs"} <= names  # not here, or no option of a script
    known = set(re.findall(r'detail::row\(\s*&Options::\w+, "(\w+)"', (ROOT / "src/engine/plan/options_table.hpp").read_text()))
    assert names <= known | {"cloud", "ext"}


def test_new_writes_them_beside_the_script(tmp_path):
    made = run(tmp_path, GAUNTLET, "new", "--types", "load.js")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "gauntlet.d.ts").read_bytes() == TYPES.read_bytes()
    assert (tmp_path / "load.js").read_text().startswith('/// <reference path="./gauntlet.d.ts" />\nimport http')
    assert run(tmp_path, GAUNTLET, "inspect", "load.js").returncode == 0
    (tmp_path / "gauntlet.d.ts").unlink()
    again = run(tmp_path, GAUNTLET, "new", "--types", "load.js")
    assert again.returncode == 0 and "stays as it is" in again.stdout and (tmp_path / "gauntlet.d.ts").exists()


def test_the_scripts_here_are_well_typed(tmp_path):
    run(tmp_path, GAUNTLET, "new", "--types", "load.js")
    run(tmp_path, GAUNTLET, "new", "--template", "protocol", "protocol.js")
    (tmp_path / "wrong.js").write_text("import http from 'k6/http';\nexport default () => http.gett('http://127.0.0.1:1/');\n")
    scripts = [*sorted((ROOT / "test" / "k6").glob("*.js")), *sorted((ROOT / "test" / "examples").glob("*.js")), tmp_path / "load.js",
               tmp_path / "protocol.js"]
    web = ROOT / "build" / "_deps" / "web"

    def checked(files):
        settings = {"noEmit": True, "strict": True, "noImplicitAny": False, "types": [], "target": "esnext", "module": "esnext", "moduleResolution": "bundler", "allowJs": True,
                    "checkJs": True}
        (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": settings, "files": [str(file) for file in [TYPES, *files]]}))
        return subprocess.run([web / "node", web / "node_modules/typescript/bin/tsc", "-p", tmp_path], capture_output=True, text=True, timeout=120)

    right = checked([script for script in scripts if script.name != "load.js"])
    assert right.returncode == 0, right.stdout
    wrong = checked([tmp_path / "wrong.js"])
    assert "Property 'gett' does not exist" in wrong.stdout
