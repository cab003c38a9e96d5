#!/usr/bin/env python3
"""Prints the C++ sources below src/ that changed, for clang-tidy: since the branch that this one follows, or, where that has
everything already, since the newest tag, or, where there is none, in the last commit. Of a changed header that is the file
of its name. What is not committed counts, too.

    [BASE=COMMIT] tests/tidy/changed.py
"""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def base():
    head = git("rev-parse", "HEAD")
    followed = git("merge-base", "HEAD", "@{upstream}") or git("merge-base", "HEAD", "origin/main")
    if followed and followed != head:
        return followed
    return git("describe", "--tags", "--abbrev=0", "HEAD^") or git("rev-parse", "HEAD^") or head


def changed(since):
    names = (git("diff", "--name-only", "--diff-filter=d", since, "--", "src") or "").splitlines()
    names += (git("ls-files", "--others", "--exclude-standard", "--", "src") or "").splitlines()
    sources = {pathlib.Path(name).with_suffix(".cpp") for name in names if name.endswith((".cpp", ".hpp"))}
    return sorted(str(source) for source in sources if (ROOT / source).is_file())


if __name__ == "__main__":
    print("\n".join(changed(os.environ.get("BASE") or base())))
