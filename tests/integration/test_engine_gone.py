"""What k6 2 has removed is removed here, too: a script or a command that uses it is told what to use instead."""
import signal
import subprocess

import pytest

from test_engine_commands import ENGINE, GAUNTLET, run

EMPTY = "export default function () {}\n"


def script(folder, text):
    (folder / "script.js").write_text(text)
    return "script.js"


def test_the_executor_that_was_steered_from_outside_names_those_that_have_stages(tmp_path):
    ran = run(tmp_path, ENGINE, "run", script(tmp_path, """
export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 1, maxVUs: 3, duration: '1s' } } };
export default function () {}
"""))
    assert ran.returncode == 104
    assert "externally-controlled is gone, as in k6 2" in ran.stderr and "ramping-vus" in ran.stderr


@pytest.mark.parametrize("command, instead", [
    ("pause", "startTime"), ("resume", "startTime"), ("scale", "ramping-arrival-rate"), ("status", "--web"), ("stats", "--out prometheus"),
    ("login", "docs/OUTPUTS.md"),
])
def test_commands_that_are_gone_name_what_there_is_instead(tmp_path, command, instead):
    refused = run(tmp_path, ENGINE, command, "--anything")
    assert refused.returncode == 255
    assert f"the command {command} is gone, as in k6 2" in refused.stderr and instead in refused.stderr
    assert f"  {command} " not in run(tmp_path, ENGINE, "--help").stdout


def test_gauntlet_status_is_still_the_stacks(tmp_path):
    assert "stack" in run(tmp_path, GAUNTLET, "status", "--help").stdout


def test_an_address_of_the_rest_api_is_refused_and_none_is_accepted(tmp_path):
    refused = run(tmp_path, ENGINE, "run", "--address", "127.0.0.1:6565", script(tmp_path, EMPTY))
    assert refused.returncode == 255 and "--address is gone" in refused.stderr and "--web" in refused.stderr
    assert run(tmp_path, ENGINE, "run", "--address", "", "script.js").returncode == 0


@pytest.mark.parametrize("flags, options", [(["--paused"], "{}"), ([], "{ paused: true }")], ids=["flag", "script"])
def test_a_test_does_not_begin_paused(tmp_path, flags, options):
    refused = run(tmp_path, ENGINE, "run", *flags, script(tmp_path, f"export const options = {options};\n{EMPTY}"))
    assert refused.returncode == 104 and "cannot begin paused" in refused.stderr and "startTime" in refused.stderr


def test_the_legacy_summary_names_the_modes_that_there_are(tmp_path):
    refused = run(tmp_path, ENGINE, "run", "--summary-mode", "legacy", script(tmp_path, EMPTY))
    assert refused.returncode == 255 and "legacy is gone" in refused.stderr and "compact or full" in refused.stderr


def test_statsd_names_the_outputs_that_there_are(tmp_path):
    refused = run(tmp_path, ENGINE, "run", "--out", "statsd", script(tmp_path, EMPTY))
    assert refused.returncode == 255 and "statsd' is gone" in refused.stderr and "opentelemetry" in refused.stderr


def test_a_test_that_lingers_stays_until_it_is_interrupted(tmp_path):
    name = script(tmp_path, """
export const options = { thresholds: { iterations: ['count<1'] } };
export default function () {}
export function handleSummary() { return { stdout: 'this is the summary' }; }
""")
    waiting = "The test is done, but --linger was enabled"
    with subprocess.Popen([ENGINE, "run", "--no-color", "--linger", name], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as test:
        said = ""
        while waiting not in said:
            line = test.stdout.readline()
            assert line, said
            said += line
        test.send_signal(signal.SIGINT)
        assert "this is the summary" in test.stdout.read()
        assert test.wait(30) == 99, "what the test came to, not that it was interrupted"


def test_no_summary_names_the_summary_mode(tmp_path):
    name = script(tmp_path, EMPTY)
    refused = run(tmp_path, ENGINE, "run", "--no-summary", name)
    assert refused.returncode == 255 and "--no-summary is gone, as in k6 2: use --summary-mode=disabled" in refused.stderr
    refused = run(tmp_path, "env", "K6_NO_SUMMARY=true", ENGINE, "run", name)
    assert refused.returncode == 255 and "K6_SUMMARY_MODE=disabled" in refused.stderr
    assert "no-summary" not in run(tmp_path, ENGINE, "run", "--help").stdout
    shown = run(tmp_path, ENGINE, "run", "--quiet", "--summary-mode=disabled", name)
    assert (shown.returncode, shown.stdout) == (0, "")


def test_redis_names_the_ways_to_data(tmp_path):
    refused = run(tmp_path, ENGINE, "run", script(tmp_path, f"import redis from 'k6/experimental/redis';\n{EMPTY}"))
    assert refused.returncode == 107 and "is gone, as in k6 2" in refused.stderr and "SharedArray" in refused.stderr


def test_the_clouds_former_option_is_told_and_does_not_stop_a_test(tmp_path):
    told = run(tmp_path, ENGINE, "run", script(tmp_path, f"export const options = {{ ext: {{ loadimpact: {{ name: 'x' }} }} }};\n{EMPTY}"))
    assert told.returncode == 0 and "ext.loadimpact is gone, as in k6 2: it is called cloud there" in told.stderr


@pytest.mark.parametrize("variable, instead", [
    ("K6_OTEL_EXPORTER_TYPE=http", "K6_OTEL_EXPORTER_PROTOCOL"), ("K6_OTEL_SINGLE_COUNTER_FOR_RATE=false", "condition"),
])
def test_variables_of_the_collector_that_are_gone_name_what_there_is_instead(tmp_path, variable, instead):
    refused = run(tmp_path, "env", variable, ENGINE, "run", "--out", "opentelemetry", script(tmp_path, EMPTY))
    name = variable.partition("=")[0]
    assert refused.returncode == 255 and f"{name} is gone, as in k6 2" in refused.stderr and instead in refused.stderr
