"""Chromium as everything here starts it, and the address of a run's live page."""
import re
import time

# Debian's Chromium, quiet: it must talk to nobody but the page. The last two let a script measure its heap.
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync", "--js-flags=--expose-gc", "--enable-precise-memory-info"]


def launch_chromium(playwright):
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)


def page_address(run, output, patience_s=30):
    """Waits until the header of a run (a Popen that writes into the file `output`) says where its page is. RuntimeError with what it
    wrote, where it ended or said nothing in `patience_s`."""
    deadline = time.monotonic() + patience_s
    while True:
        ended = run.poll() is not None or time.monotonic() > deadline
        said = output.read_text(errors="replace")
        found = re.search(r"web dashboard: (http://\S+)", said)
        if found:
            return found[1]
        if ended:
            raise RuntimeError("the run did not name its page:\n" + said[-3000:])
        time.sleep(0.05)
