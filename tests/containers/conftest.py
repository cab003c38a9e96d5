"""The stack of docker-compose.yml in a Docker of this test's own.

Needs root and the packages of `scripts/install-deps --containers`. `tests/support/enclosed` gives it a folder, a network and processes of
its own, with which the daemon, its images, containers and bridges go. QUICK=1 takes this tree's programs instead of compiling them in Docker. The compose file and the Dockerfile are the product's, as they are.
"""
import os
import pathlib
import shutil
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from docker_daemon import ROOT, Docker, checkout, use_built_programs  # noqa: E402


@pytest.fixture(scope="session")
def docker():
    if "GAUNTLET_FOLDER" not in os.environ:
        pytest.skip("a Docker daemon of one's own is for tests/support/enclosed: make test-containers")
    daemon = Docker(pathlib.Path(os.environ["GAUNTLET_FOLDER"]))
    try:
        daemon.make_base_images()
        if not os.environ.get("QUICK"):
            daemon.make_compilers_image()
        yield daemon
    finally:
        daemon.end()


@pytest.fixture(scope="session")
def project(docker):
    """A clean checkout with the guide's fixtures: PostgreSQL sees it as /host."""
    folder = checkout(docker.folder / "project")
    shutil.copy(folder / ".env.example", folder / ".env")
    if os.environ.get("QUICK"):
        use_built_programs(folder)
    (folder / "build/release").mkdir(parents=True)
    (folder / "build/release/bin").symlink_to(ROOT / "build/release/bin")
    for script in ("generate_users.sh", "generate_challenges.sh", "generate_tokens.sh"):
        docker.run(f"MOCK_MODE=true ./test/scripts/{script}", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def stack(docker, project):
    """What `docker-compose up` gives, healthy."""
    docker.run("docker-compose up --build -d", cwd=project)
    try:
        for _ in range(120):
            if docker.output("docker ps --format '{{.Status}}'").count("(healthy)") == 4:
                break
            time.sleep(1)
        else:
            raise AssertionError(docker.output("docker ps -a; docker-compose logs --tail=30", cwd=project))
        yield docker
    finally:
        docker.run("docker-compose down --volumes", cwd=project)
