"""
    pytest tests/contract                                            # starts challenge-service and PostgreSQL itself
    pytest tests/contract --base-url http://host:8000/challenge \\
                          --grpc host:6565                           # asks a running one (mock users, contract_challenges.json)

With --base-url the cases that need rows in a certain state, or a service of their own, are skipped.
"""
import pathlib
import uuid

import pytest

from service_under_test import Service, private_database, running_service

HERE = pathlib.Path(__file__).resolve().parent


def pytest_addoption(parser):
    parser.addoption("--base-url", default=None, help="a running service to ask, as http://host:8000/challenge")
    parser.addoption("--grpc", default="", help="its gRPC address, as host:6565")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--base-url") is None:
        return
    for item in items:
        if {"database", "recorded", "own_rows"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.skip(reason="needs a service and database of its own"))


@pytest.fixture(scope="session")
def database():
    with private_database() as running:
        yield running


@pytest.fixture(scope="session")
def service(request):
    """The service that most cases ask, with contract_challenges.json."""
    base_url = request.config.getoption("--base-url")
    if base_url:
        yield Service(base_url.rstrip("/"), request.config.getoption("--grpc"))
        return
    with running_service(request.getfixturevalue("database"), HERE / "contract_challenges.json") as running:
        yield running


@pytest.fixture
def own_rows(service):
    """The service, for cases that write rows themselves."""
    return service


@pytest.fixture
def player():
    """A player that nobody has seen before."""
    return f"player-{uuid.uuid4().hex[:12]}"
