"""Look at this machine's processes, and wait with a bound: for tests that stop what is running."""

import contextlib
import time
from pathlib import Path


def running(*words):
    """Processes whose command line holds all of these words, by number."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line and all(str(word) in line for word in words):
                found[int(path.parent.name)] = line
    return found


def wait_for(condition, seconds=60, what="it"):
    """What the condition gives when it gives something; a failure after so many seconds."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"{what} did not happen in {seconds} seconds"
        time.sleep(0.05)
    return result
