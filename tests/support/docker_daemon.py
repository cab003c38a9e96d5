"""A Docker daemon of a test's own, in the folder and the namespaces that tests/support/enclosed gives."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("challenge-service", "challenge-event-handler", "gauntlet")
BUILT_WITHIN_S = 7200  # the images for the first time: some ten minutes of two cores that have nothing else to do
STAND_INS = ROOT / "tests/containers"
# How this machine reaches PyPI and npm: for the stage that compiles, which is thrown away with the daemon.
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
OF_THIS_MACHINE = [BUNDLE, "/usr/local/share/ca-certificates", "/etc/pip.conf", "/etc/npmrc", str(pathlib.Path.home() / ".npmrc")]


class Docker:
    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/socket", "DOCKER_BUILDKIT": "0", "COMPOSE_PROJECT_NAME": "gauntlet-test"}
        (folder / "pid").unlink(missing_ok=True)  # of one that was killed, in a kept folder
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

    def run(self, command, check=True, timeout=BUILT_WITHIN_S, cwd=ROOT):
        """A command line as a person types it, at a terminal of its own: the guide's `docker exec -it` wants one."""
        done = subprocess.run(["script", "-qefc", command, "/dev/null"] if "-it " in command else ["bash", "-c", command], cwd=cwd,
                              env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        assert not check or done.returncode == 0, f"{command}\nended with {done.returncode}\n{done.stdout[-6000:]}"
        return done

    def output(self, command, **how):
        return self.run(command, **how).stdout

    def has(self, image):
        """A kept folder has it."""
        return self.run(f"docker image inspect {image}", check=False).returncode == 0

    def make_base_images(self):
        """No image is pulled: debian:12 is made by mmdebstrap from the mirror that this machine's apt uses, postgres:15 and redis:7 are
        Debian's packages under the same names, ports and variables, stand-ins of these tests alone."""
        if not self.has("debian:12-slim"):
            self.run("set -o pipefail; mmdebstrap --quiet --variant=minbase bookworm - | docker import - debian:12-slim")
        for image in ("postgres:15", "redis:7"):
            self.run(f"docker build --quiet --tag {image} --file {STAND_INS}/{image.split(':')[0]}.dockerfile {STAND_INS}")

    def make_compilers_image(self):
        if self.has("debian:12"):
            return
        context = self.folder / "machine"
        context.mkdir(exist_ok=True)
        self.run(f"tar -C / -cPh --ignore-failed-read {' '.join(OF_THIS_MACHINE)} >{context}/machine.tar 2>/dev/null", check=False)
        (context / "Dockerfile").write_text("FROM debian:12-slim\nADD machine.tar /\n" + "".join(f"ENV {name}={BUNDLE}\n" for name in (
            "SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")))
        self.run(f"docker build --quiet --tag debian:12 {context}")

    def end(self):
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(60)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        self.log.close()


def use_built_programs(project):
    """The checkout's Dockerfile takes the programs of this tree's build instead of compiling them."""
    binaries = project / "bin"
    binaries.mkdir()
    for program in PROGRAMS:
        subprocess.run(["strip", "--strip-debug", "-o", binaries / program, ROOT / "build/release/bin" / program], check=True)
    dockerfile = project / "deploy/docker/Dockerfile"
    text = dockerfile.read_text()
    dockerfile.write_text("FROM debian:12-slim AS build\nCOPY bin /src/build/release/bin\n" + text[text.index("FROM debian:12-slim AS runtime"):])


def checkout(folder):
    """The tree's files in a folder that others may read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    subprocess.run(f"git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - 2>/dev/null | tar -C {folder} -xf -",
                   shell=True, cwd=ROOT, check=True)
    return folder
