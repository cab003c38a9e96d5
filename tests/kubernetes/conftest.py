"""A cluster of two nodes with the backend's images, and what deploy/kubernetes/local makes of it. make test-kubernetes gives the folder,
the network and the processes (tests/support/enclosed)."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from cluster import Cluster  # noqa: E402
from docker_daemon import PROGRAMS, ROOT, Docker, checkout, use_built_programs  # noqa: E402

PROMETHEUS = "prom/prometheus:v2.53.4"
PAUSE = "#include <signal.h>\nint main(void) { sigset_t set; int got; sigemptyset(&set); sigaddset(&set, SIGTERM); sigprocmask(SIG_BLOCK, &set, 0); return sigwait(&set, &got); }\n"
GOAL = {"id": "logins", "name": "Logins", "type": "increment", "event_source": "login",
        "requirement": {"stat_code": "login_count", "operator": ">=", "target_value": 1_000_000},
        "reward": {"type": "ITEM", "reward_id": "sword", "quantity": 1}}
# Volumes that a cluster's storage would make: a disk of node-1, which is where PostgreSQL stays, and one that all pods write.
VOLUMES = """
apiVersion: v1
kind: PersistentVolume
metadata: {{ name: disk }}
spec:
  capacity: {{ storage: 20Gi }}
  accessModes: [ReadWriteOnce]
  hostPath: {{ path: {folder}/disk, type: Directory }}
  nodeAffinity: {{ required: {{ nodeSelectorTerms: [{{ matchExpressions: [{{ key: kubernetes.io/hostname, operator: In, values: [node-1] }}] }}] }} }}
---
apiVersion: v1
kind: PersistentVolume
metadata: {{ name: shared }}
spec:
  capacity: {{ storage: 1Gi }}
  accessModes: [ReadWriteMany]
  hostPath: {{ path: {folder}/shared, type: Directory }}
"""


def make_images(docker, project, archive):
    """The Dockerfile's images with the programs of this tree's build: make test-containers has them compiled in Docker."""
    use_built_programs(project)
    docker.run(f"{ROOT}/build/release/bin/gauntlet fixtures", cwd=project)
    for program in PROGRAMS:
        docker.run(f"docker build --quiet --tag {program}:local --target {program} --file deploy/docker/Dockerfile .", cwd=project)
    pause = docker.folder / "pause"
    pause.mkdir(exist_ok=True)
    subprocess.run(["gcc", "-x", "c", "-static", "-o", pause / "pause", "-"], input=PAUSE, text=True, check=True)
    (pause / "Dockerfile").write_text('FROM scratch\nCOPY pause /\nENTRYPOINT ["/pause"]\n')
    docker.run(f"docker build --quiet --tag pause:local {pause}")
    docker.run(f"docker build --quiet --tag {PROMETHEUS} --file {HERE}/prometheus.dockerfile {HERE}/dns")
    docker.run(f"docker save --output {archive} pause:local postgres:15 redis:7 {PROMETHEUS} " + " ".join(f"{program}:local" for program in PROGRAMS))


@pytest.fixture(scope="session")
def folder():
    if "GAUNTLET_FOLDER" not in os.environ:
        pytest.skip("a cluster of one's own is for tests/support/enclosed: make test-kubernetes")
    return pathlib.Path(os.environ["GAUNTLET_FOLDER"])


@pytest.fixture(scope="session")
def project(folder):
    return checkout(folder / "project")


@pytest.fixture(scope="session")
def cluster(folder, project):
    images = folder / "images.tar"
    docker = Docker(folder)
    try:
        docker.make_base_images()
        make_images(docker, project, images)
    finally:
        docker.end()
    subprocess.run(["rm", "-rf", folder / "cluster"], check=True)
    made = Cluster(folder / "cluster", os.environ["GAUNTLET_KUBERNETES"], images, nodes=2)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def backend(cluster, folder, project):
    """deploy/kubernetes/local as it is, then with one goal that the tests count."""
    for name in ("disk", "shared"):
        path = cluster.folder / name
        path.mkdir(mode=0o777)
        path.chmod(0o777)
    (cluster.folder / "volumes.yaml").write_text(VOLUMES.format(folder=cluster.folder))
    cluster.kubectl(f"apply -f {cluster.folder}/volumes.yaml")
    cluster.kubectl("apply -k deploy/kubernetes/local", cwd=project)
    return cluster


@pytest.fixture(scope="session")
def counted(backend, project):
    """The backend with one goal whose progress is the number of logins."""
    overlay = project / "overlay"
    overlay.mkdir()
    (overlay / "challenges.json").write_text(json.dumps({"challenges": [{"id": "c", "name": "C", "goals": [GOAL]}]}))
    (overlay / "kustomization.yaml").write_text("namespace: challenge\nresources: [../deploy/kubernetes/local]\nconfigMapGenerator:\n"
                                                "  - { name: challenge-config, namespace: challenge, behavior: replace, files: [challenges.json] }\n")
    backend.kubectl("apply -k overlay", cwd=project)
    for name in ("challenge-service", "challenge-event-handler"):
        backend.kubectl(f"--namespace challenge rollout status --timeout=180s deployment/{name}")
    return backend
