"""What k6 2.0 to 2.3 changed and added, by its public release notes; where --strict-k6 keeps what 1.8 did, that, too."""
import re

import pytest

from test_engine_commands import ENGINE, run


def ran(folder, text, *flags):
    (folder / "script.js").write_text(text)
    return run(folder, ENGINE, "run", "--quiet", "--log-format", "raw", *flags, "script.js")


FORM = """
import http from 'k6/http';
export default function () {
  const sent = http.post('http://127.0.0.1:1/', { a: null, b: undefined, c: [1, null], d: { e: 1 }, f: 'g' }).request.body;
  console.log(decodeURIComponent(sent));
}
"""


def test_a_form_field_of_nothing_is_empty_and_an_object_in_one_is_told(tmp_path):
    new = ran(tmp_path, FORM)
    assert "a=&b=&c=1&c=&d=map[e:1]&f=g" in new.stderr and "the form field d is an object" in new.stderr
    old = ran(tmp_path, FORM, "--strict-k6=1")
    assert "a=<nil>&b=<nil>&c=1&c=<nil>&d=map[e:1]&f=g" in old.stderr and "form field" not in old.stderr


def test_a_number_of_users_alone_is_as_many_iterations(tmp_path):
    script = "export default function () { console.log('ran'); }"
    assert ran(tmp_path, script, "--vus", "3").stderr.count("ran") == 3
    old = ran(tmp_path, script, "--vus", "3", "--strict-k6=1")
    assert old.stderr.count("ran") == 1 and "will be ignored" in old.stderr


def test_the_greatest_of_negative_values_is_one_of_them(tmp_path):
    told = ran(tmp_path, """
import { Gauge } from 'k6/metrics';
const depth = new Gauge('depth');
export default function () { depth.add(-5); depth.add(-3); }
""")
    assert re.search(r"depth\.+: -3 +min=-5 +max=-3", told.stdout), told.stdout


@pytest.mark.parametrize("percentile", ["p(100.5)", "p(-1)"])
def test_a_percentile_that_there_is_not_is_refused(tmp_path, percentile):
    refused = ran(tmp_path, f"""
export const options = {{ thresholds: {{ iteration_duration: ['{percentile}<1'] }} }};
export default function () {{}}
""")
    assert refused.returncode == 104 and "a percentile is from 0 to 100" in refused.stderr


def test_a_ramp_whose_users_cannot_start_ends_the_test(tmp_path):
    ended = ran(tmp_path, """
export const options = { scenarios: { ramp: { executor: 'ramping-vus', stages: [{ duration: '1s', target: 3 }] } } };
if (__VU === 2) throw new Error('this one does not start');
export default function () { console.log('ran'); }
""")
    assert ended.returncode == 107 and "this one does not start" in ended.stderr and "ran\n" not in ended.stderr


CHOICE = """
export const options = { scenarios: {
  a: { executor: 'constant-vus', vus: 2, duration: '1m', exec: 'first', env: { WHO: 'me' }, tags: { t: 'u' }, startTime: '1h' },
  b: { executor: 'ramping-vus', stages: [{ duration: '1m', target: 3 }], exec: 'second' },
  c: { executor: 'shared-iterations', iterations: 2, exec: 'third' },
} };
import exec from 'k6/execution';
const say = () => console.log(`${exec.scenario.name} ${__ENV.WHO} ${exec.vu.tags.t}`);
export const first = say, second = say, third = say;
"""


@pytest.mark.parametrize("flags, ran_them", [
    (["--once"], ["a me u", "b undefined undefined", "c undefined undefined"]),
    (["--once", "--scenario", "a,b"], ["a me u", "b undefined undefined"]),
    (["--scenario=c"], ["c undefined undefined"] * 2),
], ids=["once", "both", "scenario"])
def test_scenarios_are_chosen_and_tried_once(tmp_path, flags, ran_them):
    chosen = ran(tmp_path, CHOICE, *flags)
    assert chosen.returncode == 0 and sorted(chosen.stderr.split("\n"))[1:] == ran_them, chosen.stderr


def test_a_scenario_that_there_is_not_names_those_that_there_are(tmp_path):
    refused = ran(tmp_path, CHOICE, "--scenario", "a,d")
    assert refused.returncode == 104 and "--scenario d" in refused.stderr and "it has a, b, c" in refused.stderr
    both = ran(tmp_path, CHOICE, "--once", "--vus", "2")
    assert both.returncode == 255 and "leave --vus" in both.stderr


def test_times_in_the_log_have_nanoseconds_on_demand(tmp_path):
    (tmp_path / "script.js").write_text("export default function () { console.log('here'); }")
    for shape in ("logfmt", "json"):
        told = run(tmp_path, ENGINE, "run", "--quiet", "--log-format", shape, "--log-ns-timestamps", "script.js")
        assert re.search(r"\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)", told.stderr), told.stderr


def test_handle_summary_has_as_long_as_its_option_says(tmp_path):
    cut = ran(tmp_path, """
export const options = { handleSummaryTimeout: '300ms' };
export default function () {}
export function handleSummary() { for (;;) {} }
""")
    assert "handleSummary() execution timed out" in cut.stderr and "iterations" in cut.stdout, "the engine's own summary instead"


def test_scripts_find_what_k6_2_gives_them(tmp_path):
    told = ran(tmp_path, """
import { parseHTML } from 'k6/html';
import { WebSocket } from 'k6/websockets';
export default function () {
  console.log(WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED);
  const list = parseHTML('<ul><li>1</li><li>2</li></ul>');
  console.log(list.find('li').single().text(), list.single('li').text(), list.single('b').size());
  console.log(Uint8Array.fromHex('cafe').toHex(), Uint8Array.fromBase64('yv4=').toBase64());
  console.log([...new Set([1, 2]).union(new Set([3]))].join(), new Set([1]).isSubsetOf(new Set([1, 2])));
  console.log(Error.isError(new TypeError('x')), JSON.stringify({ n: JSON.rawJSON('12345678901234567890') }));
  console.log(new TextDecoder().decode(new TextEncoder().encode('\u00fc')));
}
""")
    assert told.stderr.split("\n")[:6] == ["0 1 2 3", "1 1 0", "cafe yv4=", "1,2,3 true", 'true {"n":12345678901234567890}', "\u00fc"], told.stderr


def test_features_are_switched_on_by_name(tmp_path):
    script = """
export const options = { tags: { of: 'script', kept: 'yes' } };
import exec from 'k6/execution';
export default function () { try { __ENV.A = 'b'; } catch (e) {} console.log(`${exec.vu.tags.of} ${exec.vu.tags.kept} ${__ENV.A}`); }
"""
    plain = ran(tmp_path, script, "--tag", "of=flag")
    assert plain.stderr.startswith("flag undefined b"), plain.stderr
    both = ran(tmp_path, script, "--tag", "of=flag", "--features", "merge-run-tags,freeze-env,async-metric-context")
    assert both.stderr.startswith("flag yes undefined"), both.stderr
    assert "there is no feature" in ran(tmp_path, script, "--features", "merge-run-tag").stderr
    assert "did you mean merge-run-tags?" in ran(tmp_path, script, "--features", "merge-run-tag").stderr
    assert "freeze-env" in run(tmp_path, ENGINE, "features").stdout
