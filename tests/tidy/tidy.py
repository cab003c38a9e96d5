#!/usr/bin/env python3
"""Checks the house rules on our own tree and prints each breach as file:line: what is wrong.

    tests/tidy/tidy.py [--junit FILE]

Rules: includes obey the layers, and no folders include each other in a circle; every header starts with #pragma once; C++
is formatted; few NOLINT, each with a reason; no to-do marks; no folder or file named for nothing in particular; no path of
one machine; no decision by the words of a message; statements on the progress table name the
player; documents and comments name only files that exist, and targets of make that exist; the picture of dependencies is the includes';
shell and Python scripts parse.
Exit status: 0 clean, 1 breaches.
"""
import argparse
import ast
import concurrent.futures
import importlib.machinery
import os
import pathlib
import re
import subprocess
import sys
from xml.sax.saxutils import quoteattr

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
pictures = importlib.machinery.SourceFileLoader("pictures", str(ROOT / "scripts" / "dependency-picture")).load_module()
# Who may include whom: base <- challenge, postgres, ags, engine <- host <- service, events, lab <- cli
LAYERS = {
    "base": {"base"},
    "challenge": {"challenge", "base"},
    "postgres": {"postgres", "base"},
    "ags": {"ags", "base"},
    "engine": {"engine", "base"},
    "host": {"host", "postgres", "base"},
    "service": {"service", "host", "challenge", "postgres", "ags", "base"},
    "events": {"events", "host", "challenge", "postgres", "base"},
    "lab": {"lab", "challenge", "postgres", "engine", "base"},
    "cli": {"cli", "lab", "service", "ags", "engine", "postgres", "challenge", "base"},
}
# And inside the engine.
FLOORS = {
    "script": set(),
    "wire": set(),
    "fleet": set(),
    "metrics": set(),
    "plan": set(),
    "results": {"metrics"},
    "sinks": {"wire", "metrics", "results"},
    "users": {"script", "wire", "metrics", "plan", "results"},
    "api": {"script", "wire", "metrics", "plan", "users"},
    "session": {"script", "fleet", "metrics", "plan", "results", "sinks", "users", "api"},
}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "stuff"}


def tracked():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / n for n in names if (ROOT / n).is_file()]


def lines_of(file):
    return file.read_text(encoding="utf-8", errors="replace").splitlines()


def sources(files):
    return [f for f in files if f.suffix in {".cpp", ".hpp"} and f.is_relative_to(ROOT / "src")]


def layers(files):
    for file in sources(files):
        folder = file.relative_to(ROOT / "src").parts[0]
        for number, line in enumerate(lines_of(file), 1):
            match = re.match(r'\s*#include "([a-z_]+)/', line)
            if match and match[1] in LAYERS and match[1] not in LAYERS[folder]:
                yield file, number, f"src/{folder} must not include src/{match[1]}"


def floors(files):
    for file in sources(files):
        parts = file.relative_to(ROOT / "src").parts
        if parts[0] != "engine":
            continue
        if len(parts) < 3 or parts[1] not in FLOORS:
            yield file, 1, f"is on no floor of the engine: {', '.join(FLOORS)}"
            continue
        for number, line in enumerate(lines_of(file), 1):
            match = re.match(r'\s*#include "engine/([a-z_]+)/', line)
            if match and match[1] != parts[1] and match[1] not in FLOORS[parts[1]]:
                yield file, number, f"src/engine/{parts[1]} must not include src/engine/{match[1]}"


def headers(files):
    for file in sources(files):
        if file.suffix == ".hpp" and lines_of(file)[:1] != ["#pragma once"]:
            yield file, 1, "a header starts with #pragma once"


def formatting(files):
    """C++ as .clang-format wants it: make format does it."""
    sources = [f for f in files if f.suffix in {".cpp", ".hpp"}]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as cores:
        parts = cores.map(lambda part: subprocess.run(["clang-format-14", "--dry-run", *part], cwd=ROOT, capture_output=True, text=True).stderr,
                          [sources[i:i + 40] for i in range(0, len(sources), 40)])
    for name in sorted(set(re.findall(r"^(.*?):\d+:\d+: (?:warning|error)", "".join(parts), re.MULTILINE))):
        yield ROOT / name, 1, "is not formatted: make format"


def waivers(files):
    """Few places silence clang-tidy, each with its reason."""
    most, found = 10, []
    for file in files:
        if file.suffix in {".cpp", ".hpp"}:
            found += [(file, number, line) for number, line in enumerate(lines_of(file), 1) if "NO" + "LINT" in line]
    for file, number, line in found:
        if not re.search(r"NOLINT(NEXTLINE)?(\([a-z0-9.,-]+\))?: \w+ \w+", line):
            yield file, number, "a NOLINT without its reason behind a colon"
    if len(found) > most:
        yield found[most][0], found[most][1], f"{len(found)} NOLINT in the tree; {most} is the most"


def marks(files):
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    for file in files:
        if file.suffix in {".cpp", ".hpp", ".py", ".ts", ".js", ".sh", ".sql", ".cmake"}:
            for number, line in enumerate(lines_of(file), 1):
                if words.search(line):
                    yield file, number, "a mark of unfinished work; finish it or file it"


def names(files):
    for file in files:
        for part in file.relative_to(ROOT).parts:
            if part.split(".")[0] in EMPTY_NAMES:
                yield file, 1, f"'{part}' says nothing about what is in it"


def machine_paths(files):
    pattern = re.compile(r"/(?:wo" + r"rk|fa" + r"rm)/[a-z]")
    for file in files:
        if file.suffix in {".png", ".gz", ".zst", ".bin"}:
            continue
        for number, line in enumerate(lines_of(file), 1):
            if pattern.search(line):
                yield file, number, "a path of one machine"


def decisions_by_words(files):
    """No decision rests on the wording of a message: that is a kind, a field or an enum."""
    asked = re.compile(r'(?:\.|->)(?:message|words|reason|cause|verdict|error)\s*'
                       r'(?:\.(?:find|rfind|starts_with|ends_with|contains|compare)\(\s*"|[!=]=\s*"[^"])')
    for file in sources(files):
        for number, line in enumerate(lines_of(file), 1):
            if asked.search(line):
                yield file, number, "a decision by the words of a message; a kind of error, a field or an enum says it"


def documents(files):
    """Relative links of every Markdown file lead somewhere."""
    for file in files:
        if file.suffix != ".md":
            continue
        for number, line in enumerate(lines_of(file), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if not re.match(r"[a-z]+:", target) and not (file.parent / target).exists():
                    yield file, number, f"link to {target}, which does not exist"


def comments(files):
    """A source that a comment names is there."""
    names = {f.name for f in files}
    for file in sources(files):
        for number, line in enumerate(lines_of(file), 1):
            for name in re.findall(r"[\w-]+\.[ch]pp\b", line.partition("//")[2]):
                if name not in names:
                    yield file, number, f"a comment names {name}, which does not exist"


def make_targets(files):
    """`make NAME` in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for file in files:
        if file.suffix != ".md":
            continue
        for number, line in enumerate(lines_of(file), 1):
            for name in re.findall(r"(?:`|^)make ([a-z][a-z-]*)", line):
                if name not in targets:
                    yield file, number, f"make {name}, which the Makefile does not have"


def dependency_pictures(_files):
    """docs/ARCHITECTURE.md shows who includes whom as it is."""
    document = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    for name, parent in pictures.TABLES.items():
        try:
            if pictures.picture(parent) not in document:
                yield pictures.DOCUMENT, 1, f"the table of {name} is old: scripts/dependency-picture --write"
        except ValueError as circle:
            yield pictures.DOCUMENT, 1, str(circle)


def circles(_files):
    """Folders that stand beside each other do not include each other in a circle, on any level."""
    for parent in [ROOT / "src", *sorted(f for f in (ROOT / "src").rglob("*") if f.is_dir())]:
        try:
            pictures.layers(parent)
        except ValueError as circle:
            yield parent, 1, str(circle)


def scripts(files):
    for file in files:
        first = (lines_of(file) or [""])[0]
        if file.suffix == ".py" or "python3" in first:
            try:
                ast.parse(file.read_text())
            except SyntaxError as problem:
                yield file, problem.lineno or 1, f"does not parse: {problem.msg}"
        elif file.suffix == ".sh" or first.startswith("#!") and "bash" in first:
            checked = subprocess.run(["bash", "-n", file], capture_output=True, text=True)
            if checked.returncode:
                yield file, 1, checked.stderr.strip()


def statements(file):
    """(line, text) of every SQL statement in a C++ source: neighbouring string literals joined."""
    text = file.read_text(encoding="utf-8", errors="replace")
    literal = r'(?:R"sql\((.*?)\)sql"|"((?:[^"\\\n]|\\.)*)")'
    for run in re.finditer(rf"{literal}(?:\s*{literal})*", text, re.DOTALL):
        joined = "".join(a or b for a, b in re.findall(literal, run[0], re.DOTALL))
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", joined):
            yield text.count("\n", 0, run.start()) + 1, joined


def progress_statements(files):
    """Every statement of the services on the progress table carries the player: what lets it be distributed by user_id."""
    for file in sources(files):
        if file.relative_to(ROOT / "src").parts[0] not in {"service", "events"}:
            continue
        for number, sql in statements(file):
            if not re.search(r"\buser_goal_progress\b", sql):
                continue
            given = re.search(r"INSERT INTO user_goal_progress[^(]*\([^)]*\buser_id\b", sql)
            chosen = re.search(r"WHERE\b.*\buser_id\s*(=|IN\b)", sql, re.DOTALL)
            if not given and not chosen:
                yield file, number, "a statement on user_goal_progress that does not say which player's rows it means"


RULES = [layers, floors, headers, formatting, waivers, marks, names, machine_paths, decisions_by_words, documents, comments, make_targets, dependency_pictures,
         circles, progress_statements, scripts]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--junit", type=pathlib.Path)
    arguments = parser.parse_args()
    files = tracked()
    cases, breaches = [], 0
    for rule in RULES:
        found = [f"{f.relative_to(ROOT)}:{n}: {what}" for f, n, what in rule(files)]
        breaches += len(found)
        print("\n".join(found), end="\n" if found else "")
        failure = f"<failure message={quoteattr('; '.join(found[:20]))}/>" if found else ""
        cases.append(f'<testcase classname="tidy" name="{rule.__name__}">{failure}</testcase>')
    if arguments.junit:
        arguments.junit.parent.mkdir(parents=True, exist_ok=True)
        arguments.junit.write_text("<testsuite name=\"tidy\">" + "".join(cases) + "</testsuite>")
    print(f"tidy: {len(RULES)} rules over {len(files)} files, {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
