"""What is shipped: the compose file, the images' libraries, the Kubernetes manifests, the Debian package.

Validated as far as tools without a daemon or a cluster can: docker-compose reads its file, manifests refer to what is there,
the package installs into an empty root and its programs run.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from test_stack import BIN, ROOT

KUBERNETES = ROOT / "deploy/kubernetes"
GUIDES_NAMES = {"challenge-postgres", "challenge-redis", "challenge-service", "challenge-event-handler"}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_reads_its_file_and_gives_the_guides_names_limits_and_health_checks(tmp_path):
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    done = subprocess.run(["docker-compose", "config"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert {service["container_name"] for service in services.values()} == GUIDES_NAMES
    assert all("healthcheck" in service for service in services.values())
    for name in ("challenge-service", "challenge-event-handler"):
        limits = services[name]["deploy"]["resources"]["limits"]
        assert (float(limits["cpus"]), limits["memory"]) == (1.0, "1G")
        assert services[name]["environment"]["DB_HOST"] == "postgres"
    assert services["postgres"]["deploy"]["resources"]["limits"]["memory"] == "4G"


@pytest.mark.parametrize("program", ["challenge-service", "challenge-event-handler", "gauntlet"])
def test_an_image_has_every_library_that_its_program_is_linked_to(program):
    installed = dockerfile_packages(program)
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", BIN / program], capture_output=True, text=True).stdout)
    paths = dict(re.findall(r"^\s*(\S+) => (\S+)", subprocess.run(["ldd", BIN / program], capture_output=True, text=True).stdout, re.M))
    for library in needed:
        found = subprocess.run(["dpkg-query", "-S", os.path.realpath(paths[library])], capture_output=True, text=True) if library in paths else None
        if found is None or found.returncode != 0:
            continue  # the loader itself
        package = found.stdout.split(":")[0]
        essential = {"libc6", "libgcc-s1", "libstdc++6"}  # of every Debian with apt
        assert package in installed | essential, f"{program} needs {library}: {package} is not in its image"


def test_images_of_the_services_log_json_and_the_load_engines_does_not():
    stages = re.split(r"^FROM ", (ROOT / "deploy/docker/Dockerfile").read_text(), flags=re.M)[1:]
    environment, base = {}, {}
    for stage in stages:
        begin = re.match(r"(\S+) AS (\S+)", stage)
        base[begin[2]], environment[begin[2]] = begin[1], re.findall(r"^ENV (\S+)", stage, re.M)

    def of(target):
        return [*of(base[target]), *environment[target]] if target in base else []

    assert "LOG_FORMAT=json" in of("challenge-service") and "LOG_FORMAT=json" in of("challenge-event-handler")
    assert of("gauntlet") == []


def dockerfile_packages(target):
    stages, bases = {}, {}
    for line in (ROOT / "deploy/docker/Dockerfile").read_text().replace("\\\n", " ").splitlines():
        if begin := re.match(r"FROM (\S+) AS (\S+)", line):
            stage = begin[2]
            bases[stage], stages[stage] = begin[1], set()
        elif line.startswith("RUN apt-get"):
            stages[stage] |= set(re.search(r"--no-install-recommends(.*?)&&", line)[1].split())
    packages = set()
    while target in stages:
        packages |= stages[target]
        target = bases[target]
    return packages


def documents(*files):
    return [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]


def manifests(overlay):
    """The objects of an overlay and of what it stands on, and the names of the ConfigMaps that it generates."""
    folder = KUBERNETES / overlay
    kustomization = documents(folder / "kustomization.yaml")[0]
    objects, generated = [], {g["name"] for g in kustomization.get("configMapGenerator", [])}
    assert all((folder / file).is_file() for g in kustomization.get("configMapGenerator", []) for file in g["files"])
    for name in kustomization.get("resources", []):
        if (folder / name).is_dir():
            below, names = manifests(folder / name)
            objects, generated = objects + below, generated | names
        else:
            objects += documents(folder / name)
    return objects, generated


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which applies overlays, is not installed")
@pytest.mark.parametrize("overlay", ["local", "production"])
def test_an_overlay_can_be_applied_from_a_checkout_as_it_is(overlay):
    made = subprocess.run(["kubectl", "kustomize", KUBERNETES / overlay], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    objects = [o for o in yaml.safe_load_all(made.stdout) if o]
    images = [c["image"] for o in objects if o["kind"] in ("Deployment", "StatefulSet") for c in o["spec"]["template"]["spec"]["containers"]]
    # An image without a tag is always pulled, and a cluster without that registry never starts it.
    assert images and all(re.search(r":[^/]+$", image) for image in images)
    # Secrets of a real system are made where secrets are kept.
    assert [o["kind"] for o in objects].count("Secret") == (1 if overlay == "local" else 0)


def test_manifests_refer_to_what_is_there():
    objects, generated = manifests("local")
    have = {(o["kind"], o["metadata"]["name"]) for o in objects} | {("ConfigMap", name) for name in generated}
    pods = {o["metadata"]["name"]: o["spec"]["template"] for o in objects if o["kind"] in ("Deployment", "StatefulSet")}
    assert set(pods) == {"postgres", "redis", "challenge-service", "challenge-event-handler"}
    for o in objects:
        if o["kind"] in ("Deployment", "StatefulSet"):
            assert o["spec"]["selector"]["matchLabels"].items() <= o["spec"]["template"]["metadata"]["labels"].items()
        if o["kind"] == "Service":
            (container,) = pods[o["spec"]["selector"]["app"]]["spec"]["containers"]
            assert {p["port"] for p in o["spec"]["ports"]} == {p["containerPort"] for p in container["ports"]}
    for template in pods.values():
        (container,) = template["spec"]["containers"]
        for source in container.get("envFrom", []):
            for kind, reference in source.items():
                assert ({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"]) in have
        for probe in ("livenessProbe", "readinessProbe"):
            port = container.get(probe, {}).get("httpGet", {}).get("port")
            assert port is None or port in {p["name"] for p in container["ports"]}
        assert "limits" in container["resources"] and "requests" in container["resources"]


def test_the_load_job_runs_every_segment_once():
    job = next(o for o in documents(KUBERNETES / "load/job.yaml") if o["kind"] == "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environment = {e["name"]: e["value"] for e in container["env"]}
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == int(environment["PARTS"])
    # The command as the pods' shell sees it.
    said = [subprocess.run(["sh", "-c", "gauntlet() { echo $*; }; " + container["args"][0]], capture_output=True, text=True,
                           env={**environment, "PATH": "/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)}).stdout for index in range(4)]
    assert [re.search(r"--segment (\S+)", line)[1] for line in said] == ["1/4", "2/4", "3/4", "4/4"]
    assert len({re.search(r"json=(\S+)", line)[1] for line in said}) == 4
    assert (ROOT / said[0].split()[-1]).exists()


def test_the_bill_of_materials_names_what_the_loader_finds_and_the_pinned_sources(tmp_path):
    made = subprocess.run([ROOT / "scripts/bill-of-materials", tmp_path / "bill.json"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    bill = json.loads((tmp_path / "bill.json").read_text())
    names = {package["SPDXID"]: package["name"] for package in bill["packages"]}
    assert len(names) == len(bill["packages"]), "two packages have one identifier"
    linked = {names[r["relatedSpdxElement"]] for r in bill["relationships"] if r["relationshipType"] == "DYNAMIC_LINK"}
    in_images = set.union(*(dockerfile_packages(program) for program in ("challenge-service", "challenge-event-handler", "gauntlet")))
    assert {package for package in in_images if package.startswith("lib")} <= linked
    assert {"quickjs-ng", "swagger-ui-dist", "uplot", "sucrase", "nlohmann-json3-dev"} <= set(names.values())
    assert all(end in names for r in bill["relationships"] for end in (r["spdxElementId"], r["relatedSpdxElement"]) if end != "SPDXRef-DOCUMENT")


@pytest.mark.skipif(shutil.which("cpack") is None or os.geteuid() != 0, reason="dpkg --root needs root, the package cpack")
def test_the_package_installs_into_an_empty_root_and_its_programs_run(tmp_path):
    made = subprocess.run([ROOT / "scripts/package", tmp_path / "made"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    package = pathlib.Path(made.stdout.strip())
    checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=package.parent, capture_output=True, text=True)
    assert checked.returncode == 0 and package.name in checked.stdout and ".spdx.json: OK" in checked.stdout, checked.stdout + checked.stderr
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True).stdout
    assert "libpq5" in depends and "libnghttp2-14" in depends
    root = tmp_path / "root"
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    installed = subprocess.run(["dpkg", f"--root={root}", "--force-depends", "--install", package], capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    assert subprocess.run(["dpkg", f"--root={root}", "--verify", "gauntlet"], capture_output=True, text=True).stdout == ""
    programs = root / "usr/bin"
    assert subprocess.run([programs / "gauntlet", "--version"], capture_output=True, text=True).stdout.startswith("gauntlet ")
    assert "k6 v2" in subprocess.run([programs / "k6", "version"], capture_output=True, text=True).stdout
    project = root / "usr/share/gauntlet"
    script = subprocess.run([programs / "gauntlet", "run", "--quiet", "--summary-mode=disabled", "-"], input="export default function () {}", capture_output=True, text=True, cwd=project)
    assert script.returncode == 0, script.stderr
    known = subprocess.run([programs / "gauntlet", "ps"], capture_output=True, text=True, cwd=project)
    assert "not in a Gauntlet project" not in known.stderr
    page = subprocess.run(["man", "--warnings", "-l", root / "usr/share/man/man1/gauntlet.1"], capture_output=True, text=True, env={**os.environ, "MANPAGER": "cat"})
    assert page.returncode == 0 and page.stderr == "" and "gauntlet campaign" in page.stdout
    complete = 'source "$1"; COMP_WORDS=(gauntlet campaign --res); COMP_CWORD=2; _gauntlet; echo "${COMPREPLY[@]}"'
    words = subprocess.run(["bash", "-c", complete, "_", root / "usr/share/bash-completion/completions/gauntlet"], capture_output=True, text=True)
    assert words.stdout.split() == ["--resume"], words.stderr
