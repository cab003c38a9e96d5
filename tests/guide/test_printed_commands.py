"""What the documents print can be typed: each command of theirs, in blocks and between backticks, is one that the programs know,
with flags that they have; README's own blocks are run."""
import functools
import re
import shlex
import subprocess

import pytest

from test_stack import BIN, ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "test/README.md", *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(r"^(?:[A-Z_0-9]+=\S* )*(?:\S*/)?(gauntlet|k6|make) (.*)$")
NAMED_AS_ABSENT = {"k6 cloud"}
MAKEFILE = (ROOT / "Makefile").read_text()


def printed(document):
    """The lines of its blocks that are no data, and what stands between backticks."""
    text = document.read_text()
    blocks = re.findall(r"^```(?:sh|bash)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))]
    return [part.strip() for line in lines for part in re.split(r" && | \| |; ", re.sub(r"(^|\s)#.*", "", line))]


@functools.cache
def help_of(*words):
    asked = subprocess.run([BIN / "gauntlet", *words, "--help"], capture_output=True, text=True, timeout=20)
    return asked.stdout if asked.returncode == 0 else None


def flags_of(arguments):
    return [word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)]


def problem_of_gauntlet(arguments):
    words, usage = [], help_of()
    for word in arguments:
        if word.startswith("-") or not re.search(rf"^  {re.escape(word)}\s", usage, re.MULTILINE):
            break
        words.append(word)
        usage = help_of(*words)
    if not words and arguments and re.fullmatch(r"[a-z][a-z-]+", arguments[0]):
        return f"no command {arguments[0]}"
    known = usage + help_of()
    return next((f"{' '.join(['gauntlet', *words])} has no {flag}" for flag in flags_of(arguments)
                 if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", known)), None)


def problem_of_make(arguments):
    for word in arguments:
        name, equals, _ = word.partition("=")
        if equals and not re.search(rf"\$\({name}\)|^{name} \?=", MAKEFILE, re.MULTILINE):
            return f"the Makefile does not look at {name}"
        if not equals and re.fullmatch(r"[a-z-]+", word) and not re.search(rf"^{word}:", MAKEFILE, re.MULTILINE):
            return f"the Makefile has no {word}"
    return None


def problem(command):
    """What is wrong with a printed command; nothing where it is none of ours."""
    found = COMMAND.match(command)
    if not found or command in NAMED_AS_ABSENT:
        return None
    try:
        arguments = shlex.split(found[2])
    except ValueError:
        return None  # a piece of prose
    return problem_of_make(arguments) if found[1] == "make" else problem_of_gauntlet(arguments)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_prints_is_known(document):
    assert [f"{command}: {wrong}" for command in printed(document) if (wrong := problem(command))] == []


@pytest.mark.parametrize("name", ["README.md", "docs/MIGRATING_FROM_K6.md"])
def test_what_is_printed_for_a_script_of_ones_own_is_run(walk, name):
    block = next(block for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL) if "script.js" in block)
    if "gauntlet new" not in block:
        walk.shell("gauntlet new --types script.js")
    for line in block.splitlines():
        if "compare" in line:
            for copy in ("before.json", "after.json"):
                (walk.root / copy).write_bytes((walk.root / "result.json").read_bytes())
        short = re.sub(r"(gauntlet|k6) run ", rf"\1 run --duration {6 if 'json' in line else 1}s ", line)  # 5 s is the least to compare
        done = walk.shell(f'eval "$(gauntlet env)"; export K6_WEB_DASHBOARD_PORT=0; {short}')
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
