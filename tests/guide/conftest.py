"""The stack that the guide is walked on."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from lab_project import lab_stack  # noqa: E402
from test_stack import BIN, ROOT  # noqa: E402


@pytest.fixture(scope="session")
def walk():
    with lab_stack() as project:
        (project.root / "build/release").mkdir(parents=True)
        (project.root / "build/release/bin").symlink_to(BIN)
        (project.root / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
        yield project
