"""Runs one script on one k6 and boils what a user can see of it down to a value that two runs can be compared by."""
import json
import os
import pathlib
import re
import subprocess
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parent / "scripts"
# Present or absent by timing, so not comparable between two runs.
TIMING_METRICS = {"vus", "vus_max", "data_sent", "data_received"}
# Ours beyond k6 (docs/ENGINE_COMPATIBILITY.md): additions, not differences.
OWN_METRICS = {"grpc_reqs", "grpc_req_failed", "schedule_slip", "iteration_duration_intended", "loop_lag", "generator_ok"}
# Servers of other_servers.py, as __ENV.WS and so on: "127.0.0.1:PORT".
OTHER_SERVERS = ["ws", "wss", "h2", "https", "mtls", "proxy", "grpctls", "grpcmtls"]
RUN_TIMEOUT_S = 90


def directives(script):
    """Lines at the head of a script: `// flags: ...`, `// environment: A=b`, `// better: aspect: reason`,
    `// differs: aspect: what is missing`, `// words: PATTERN` for what each says in words of its own: the log is compared without it."""
    found = {"flags": [], "better": {}, "differs": {}, "environment": {}, "words": []}
    for line in script.read_text().splitlines():
        match = re.match(r"// (flags|better|differs|environment|words): (.*)", line)
        if not match:
            if not line.startswith("//"):
                break
            continue
        if match[1] == "flags":
            found["flags"] += match[2].split()
        elif match[1] == "words":
            found["words"].append(match[2])
        elif match[1] == "environment":
            name, _, value = match[2].partition("=")
            found["environment"][name] = value
        else:
            aspect, _, reason = match[2].partition(": ")
            found[match[1]][aspect] = reason
    return found


def mask_in(text, ports):
    """The other way round, for an environment's values: "http://127.0.0.1:<proxy>"."""
    return re.sub(r"<(\w+)>", lambda match: str(ports[match[1]]), text)


def mask(text, ports):
    for name, value in ports.items():
        text = re.sub(rf"\b{value}\b(?!\.)(?<!\.{value})", f"<{name}>", text)
    text = text.replace(str(SCRIPTS), "<scripts>")
    text = re.sub(r"/tmp/[A-Za-z0-9_./-]*", "<tmp>", text)
    return text


def log_lines(stderr, ports):
    """Messages a script or a failure printed, without time, stack positions and order between VUs."""
    lines = []
    for line in stderr.splitlines():
        match = re.search(r'level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)(.*)', line)
        if not match or match[1] == "debug":
            continue
        message = json.loads(match[2]) if match[2].startswith('"') and "\\x" not in match[2] else match[2]
        message = re.split(r"\n\s*at |\s+at (?:\S+ )?\(?(?:file|go\.k6)", message)[0].strip()
        message = re.sub(r"^GoError: ", "", message)
        lines.append(f"{match[1]}: {mask(message, ports)}")
    return sorted(lines)


def without_words(lines, patterns):
    for pattern in patterns:
        lines = [re.sub(pattern, "<words>", line) for line in lines]
    return sorted(lines)


def summary_lines(stdout):
    """The end-of-test summary with its numbers masked and its columns closed up."""
    lines = []
    for line in stdout.splitlines():
        if re.match(r"\s*(execution|script|output|scenarios):|^\s*\* |^running|\[\s*\d+% \]", line):
            continue
        line = re.sub(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:[kMG]?B(?:/s)?|/s|%|ns|µs|ms|m\d*s|s|h)?(?=\s|$|\))", "N", line)
        line = re.sub(r"\.{2,}", "..", re.sub(r"\s+", " ", line)).strip()
        line = re.sub(r"(?:N ?)+(?=N)", "", line)
        if line and not line.startswith(("vus..", "vus_max..")):
            lines.append(line)
    return lines


def points(file, ports):
    """Per metric: type, contains, and per tag set how many samples and, where it is exact, their sum."""
    metrics = {}
    if not file.exists():
        return metrics
    for text in file.read_text().splitlines():
        row = json.loads(text)
        name = row["metric"]
        if name in OWN_METRICS:
            continue
        if row["type"] == "Metric":
            data = row["data"]
            metrics[name] = {"type": data["type"], "contains": data["contains"], "thresholds": data["thresholds"],
                             "tags": {}}
        elif name not in TIMING_METRICS:
            tags = dict(row["data"]["tags"] or {})
            key = mask(",".join(f"{k}={v}" for k, v in sorted(tags.items())), ports)
            entry = metrics[name]["tags"].setdefault(key, {"samples": 0})
            entry["samples"] += 1
            if metrics[name]["type"] in ("counter", "rate"):
                entry["sum"] = entry.get("sum", 0) + row["data"]["value"]
    return {k: v for k, v in metrics.items() if k not in TIMING_METRICS}


def tree(group):
    """Groups and checks with their counts; the order of first sight is kept only inside one group."""
    return {"checks": {k: [v["passes"], v["fails"]] for k, v in sorted((group.get("checks") or {}).items())},
            "groups": {k: tree(v) for k, v in sorted((group.get("groups") or {}).items())}}


def observe(binary, script, ports, ours):
    """Runs `binary run script`; returns a dict of JSON values."""
    found = directives(script)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        out, export = folder / "points.ndjson", folder / "export.json"
        command = [str(binary), "run", "--no-color", "--quiet", "--out", f"json={out}",
                   "--summary-export", str(export), "-e", f"BASE=http://127.0.0.1:{ports['http']}",
                   "-e", f"GRPC=127.0.0.1:{ports['grpc']}", "-e", f"PROTOS={ports['protos']}",
                   *(word for name in OTHER_SERVERS for word in ("-e", f"{name.upper()}=127.0.0.1:{ports[name]}")), *found["flags"]]
        environment = {**os.environ, "K6_AUTO_EXTENSION_RESOLUTION": "false", **{k: mask_in(v, ports) for k, v in found["environment"].items()}}
        command += ["--strict-k6"] if ours else ["-a", "", "--no-usage-report"]
        done = subprocess.run([*command, script.name], cwd=script.parent, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=RUN_TIMEOUT_S, env=environment)
        exported = json.loads(export.read_text()) if export.exists() else {}
        exported_metrics = {k: v for k, v in exported.get("metrics", {}).items()
                            if k.split("{")[0] not in TIMING_METRICS | OWN_METRICS}
        return {
            "exit code": done.returncode,
            "log": log_lines(done.stderr, ports),
            "points": points(out, ports),
            "checks": tree(exported.get("root_group") or {}),
            "exported fields": {k: sorted(x for x in v if x != "thresholds") for k, v in sorted(exported_metrics.items())},
            "thresholds": {k: v["thresholds"] for k, v in sorted(exported_metrics.items()) if "thresholds" in v},
            "summary": summary_lines(mask(done.stdout, ports)),
        }
