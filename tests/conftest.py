"""Every test has a home of its own, no settings of the person who runs it, and only the loopback network."""

import functools
import gc
import os
import re
import shutil
import signal
from pathlib import Path

import botocore.session

pytest_plugins = ["hca_core.testing.fixtures"]

MEMORY = Path("/dev/shm")
PLENTY = 8 * 1024**3  # bytes, of which all tests together need less than a half

# Who starts the tests in the background of a script makes them, and all that they start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    # Spare the garbage collector all that was imported: to look at it again and again takes a tenth of the time.
    gc.freeze()
    # Tests start pytest, too; there it takes seconds to load plugins which have been installed for other tests.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


# Clients of our own share what they must know about S3; those of tests do, too: each would need a third of a second.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


def _has_plenty() -> bool:
    try:
        available = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
        return available is not None and min(int(available[1]) * 1024, shutil.disk_usage(MEMORY).free) > PLENTY
    except OSError:
        return False


# Many tests force what they write to the disk, which memory spares. Huge files do not belong there.
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and "HCA_LARGE_TESTS" not in os.environ and _has_plenty():
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)
