"""A Docker of this test's own, and the stack of docker-compose.yml in it.

Needs root and the packages of `scripts/install-deps --containers`. A daemon with folders and a socket of its own is started and
ended here; its images, containers and networks go with its folder. No image is pulled: debian:12 is made by mmdebstrap from the
mirror that this machine's apt uses, postgres:15 and redis:7 are Debian's packages under the same names, ports and variables,
stand-ins of these tests alone. The compose file and the Dockerfile are the product's, as they are.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
# How this machine reaches PyPI and npm: for the stage that compiles, which is thrown away with the daemon.
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
OF_THIS_MACHINE = [BUNDLE, "/usr/local/share/ca-certificates", "/etc/pip.conf", "/etc/npmrc", str(pathlib.Path.home() / ".npmrc")]


class Docker:
    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/socket", "DOCKER_BUILDKIT": "0", "COMPOSE_PROJECT_NAME": "gauntlet-test"}
        self.log = open(folder / "daemon.log", "w")
        self.daemon = subprocess.Popen(
            ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec", "-H", f"unix://{folder}/socket",
             "--pidfile", folder / "pid"], stdout=self.log, stderr=self.log, start_new_session=True)
        for _ in range(300):
            if self.run("docker info", check=False).returncode == 0:
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.1)
        self.end()
        raise RuntimeError("dockerd does not come up here:\n" + (folder / "daemon.log").read_text()[-2000:])

    def run(self, command, check=True, timeout=1800, cwd=ROOT):
        """A command line as a person types it, at a terminal of its own: the guide's `docker exec -it` wants one."""
        done = subprocess.run(["script", "-qefc", command, "/dev/null"] if "-it " in command else ["bash", "-c", command], cwd=cwd,
                              env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        assert not check or done.returncode == 0, f"{command}\nended with {done.returncode}\n{done.stdout[-6000:]}"
        return done

    def output(self, command, **how):
        return self.run(command, **how).stdout

    def end(self):
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(60)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def docker():
    if os.geteuid() != 0:
        pytest.skip("a Docker daemon of one's own needs root")
    for program in ("dockerd", "docker", "docker-compose", "mmdebstrap"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: scripts/install-deps --containers")
    folder = pathlib.Path("/tmp") / f"gauntlet-containers-{os.getpid()}"
    folder.mkdir(mode=0o711)
    daemon = Docker(folder)
    try:
        daemon.run("set -o pipefail; mmdebstrap --quiet --variant=minbase bookworm - | docker import - debian:12-slim")
        daemon.run(f"tar -C / -cPh --ignore-failed-read {' '.join(OF_THIS_MACHINE)} >{folder}/machine.tar 2>/dev/null", check=False)
        (folder / "build.dockerfile").write_text("FROM debian:12-slim\nADD machine.tar /\n" + "".join(f"ENV {name}={BUNDLE}\n" for name in (
            "SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")))
        daemon.run(f"docker build --quiet --tag debian:12 --file {folder}/build.dockerfile {folder}")
        for image in ("postgres:15", "redis:7"):
            daemon.run(f"docker build --quiet --tag {image} --file {HERE}/{image.split(':')[0]}.dockerfile {HERE}")
        yield daemon
    finally:
        daemon.end()


@pytest.fixture(scope="session")
def project(docker):
    """A clean checkout with the guide's fixtures, where others may read it: PostgreSQL sees it as /host."""
    folder = docker.folder / "project"
    folder.mkdir(mode=0o755)
    subprocess.run(f"git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t {folder}", shell=True, cwd=ROOT, check=True)
    shutil.copy(folder / ".env.example", folder / ".env")
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
