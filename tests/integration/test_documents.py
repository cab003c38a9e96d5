"""What the documents tell people to type is what the programs take."""
import functools
import re
import subprocess

import pytest

from test_stack import BIN, ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "test").glob("*.md")]


@functools.cache
def help_of(*words):
    return subprocess.run([BIN / "gauntlet", *words, "--help"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL).stdout


@functools.cache
def subcommands(*words):
    return set(re.findall(r"^  ([a-z][a-z0-9-]*) ", help_of(*words), re.MULTILINE))


def commands(document):
    """(line, words) of every `gauntlet ...` in code: blocks and backticks."""
    fenced = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
            continue
        code = [line.split(" #")[0]] if fenced else re.findall(r"`([^`]+)`", line)
        for text in code:
            text = re.sub(r"'[^']*'", "TEXT", text)  # what stands in quotes is another program's
            for part in re.split(r"&&|\||;", text):
                words = re.sub(r"^\s*\$\s*", "", part).split()
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words and words[0].split("/")[-1] == "gauntlet" and len(words) > 1:
                    yield number, words[1:]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_gauntlet_takes_what_the_document_says(document):
    wrong = []
    for number, words in commands(document):
        path = []
        for word in words:
            if word not in subcommands(*path):
                break
            path.append(word)
        if not path and not words[0].startswith("-") and re.fullmatch(r"[a-z][a-z-]*", words[0]):
            wrong.append(f"{document.name}:{number}: gauntlet has no command {words[0]}")
            continue
        text = help_of() + help_of(*path)
        if path[:1] == ["k6-compatible"]:
            text += help_of("run")
        for flag in re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*)", " ".join(words)):
            if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text):
                wrong.append(f"{document.name}:{number}: gauntlet {' '.join(path)} does not take {flag}")
    assert not wrong, "\n".join(wrong)
