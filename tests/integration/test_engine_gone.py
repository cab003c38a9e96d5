"""What k6 2 has removed is removed here, too: a script or a command that uses it is told what to use instead."""
from test_engine_commands import ENGINE, run


def test_the_executor_that_was_steered_from_outside_names_those_that_have_stages(tmp_path):
    (tmp_path / "script.js").write_text("""
export const options = { scenarios: { s: { executor: 'externally-controlled', vus: 1, maxVUs: 3, duration: '1s' } } };
export default function () {}
""")
    ran = run(tmp_path, ENGINE, "run", "script.js")
    assert ran.returncode == 104
    assert "externally-controlled is gone, as in k6 2" in ran.stderr and "ramping-vus" in ran.stderr
