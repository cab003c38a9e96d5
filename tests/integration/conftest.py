"""One stack for all tests of the lab: bringing it up costs more than most of them."""
import pytest

from lab_project import lab_stack


@pytest.fixture(scope="session")
def lab():
    """A project of the tests' own whose stack is up; tests leave it so."""
    with lab_stack() as project:
        yield project
