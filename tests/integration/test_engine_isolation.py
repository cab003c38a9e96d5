"""What a script may do to built-in objects, which virtual users share: nothing that another one notices."""
import pytest

from test_engine_safety import run

OPTIONS = "export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 3, iterations: 2 } } };\n"
POLYFILL = "Array.prototype.last = function () { return this[this.length - 1]; };\n"
USE = "export default function () { console.log(`last ${[1, __VU].last()} ${Object.keys(globalThis.seen || {})}`); globalThis.seen = { [__ITER]: 1 }; }"
LATE = "export default function () { Promise.mine = __VU; console.log('changed ' + Promise.mine); }"


def test_a_polyfill_in_the_init_is_every_users_own(tmp_path):
    ran = run(tmp_path, OPTIONS + POLYFILL + USE)
    assert ran.code == 0 and sorted(ran.messages()) == sorted(f"last {vu} {seen}" for vu in (1, 2, 3) for seen in ("", "0")), ran.err
    assert "the script changes built-in objects" in ran.err


@pytest.mark.parametrize("module", ["k6", "k6/crypto", "k6/data", "k6/encoding", "k6/execution", "k6/experimental/csv", "k6/experimental/fs",
                                    "k6/experimental/streams", "k6/experimental/websockets", "k6/html", "k6/http", "k6/metrics", "k6/net/grpc",
                                    "k6/secrets", "k6/timers", "k6/websockets", "k6/ws"])
def test_importing_a_module_changes_nothing(tmp_path, module):
    ran = run(tmp_path, OPTIONS + f"import * as module from '{module}';\nexport default async function () {{ await import('{module}'); }}")
    assert ran.code == 0 and "changes built-in objects" not in ran.err, ran.err


def test_a_weak_map_that_holds_itself_by_a_symbol_ends_with_its_user(tmp_path):
    assert run(tmp_path, OPTIONS + "const map = new WeakMap();\nmap.set(Symbol.iterator, map);\nexport default () => {};").code == 0


def test_a_polyfill_of_a_module_of_k6_is_found_out_too(tmp_path):
    script = "import http from 'k6/http';\nhttp.get = () => 'mine ' + __VU;\nexport default function () { console.log(http.get()); }"
    assert sorted(run(tmp_path, OPTIONS + script).messages()) == sorted(2 * ["mine 1", "mine 2", "mine 3"])


def test_a_change_that_comes_later_names_the_option(tmp_path):
    ran = run(tmp_path, OPTIONS + LATE)
    assert ran.code == 0 and not ran.messages() and ran.err.count("cannot be changed (option isolatedUsers)") == 6, ran.err
    assert "script.js:2" in ran.err


@pytest.mark.parametrize("flag", ["--isolated-users", "--strict-k6"])
def test_users_apart_change_what_they_like(tmp_path, flag):
    ran = run(tmp_path, OPTIONS + LATE, flag)
    assert sorted(ran.messages()) == sorted(2 * ["changed 1", "changed 2", "changed 3"]), ran.err


def test_the_option_of_a_script_does_the_same(tmp_path):
    ran = run(tmp_path, OPTIONS.replace("{ scenarios", "{ isolatedUsers: true, scenarios") + LATE)
    assert sorted(ran.messages()) == sorted(2 * ["changed 1", "changed 2", "changed 3"]), ran.err


def test_setup_and_teardown_may_change_them(tmp_path):
    stages = "export function setup() { JSON.mine = 1; return { sum: JSON.mine + 1 }; }\n"
    ran = run(tmp_path, OPTIONS + stages + "export default (data) => console.log(data.sum + String(JSON.mine));")
    assert ran.messages() == 6 * ["2undefined"], ran.err
