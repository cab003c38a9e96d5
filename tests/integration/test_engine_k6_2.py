"""What k6 2.0 to 2.3 changed and added, by its public release notes; where --strict-k6 keeps what 1.8 did, that, too."""
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
