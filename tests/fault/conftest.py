"""Faults of everything the services stand on. The parts are those of tests/contract."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "contract"))

from mock_platform import running_platform  # noqa: E402
from service_under_test import private_database  # noqa: E402


@pytest.fixture(scope="module")
def database():
    with private_database() as running:
        yield running


@pytest.fixture
def platform():
    with running_platform() as running:
        yield running


@pytest.fixture(scope="session")
def claims_of_the_storm():
    """GAUNTLET_STORM_CLAIMS=1000 is quicker."""
    return int(os.environ.get("GAUNTLET_STORM_CLAIMS", "10000"))
