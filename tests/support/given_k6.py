"""A k6 that the person who runs the tests has, by K6=/path/to/k6: some tests then run it beside the engine. It is AGPL software:
nothing here fetches, builds or looks for one."""
import os
import pathlib


def given_k6():
    """Its path, or None where K6 is not set."""
    path = os.environ.get("K6")
    if not path:
        return None
    if not os.access(path, os.X_OK):
        raise SystemExit(f"K6={path} is no program; set K6 to the path of a k6, or leave it away")
    return pathlib.Path(path)
