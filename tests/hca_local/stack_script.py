"""A stack with trivial applications, as a process: `python stack_script.py BEHAVIOUR --root DIR`."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable
from typing import Any

from hca_local.parts import Parts
from hca_local.root import Root, Secrets
from hca_local.stack import main
from hca_local.state import SERVICES, State


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer every request with its path."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


def compose(root: Root, secrets: Secrets, state: State) -> Parts:
    """Behave as the first word of the command line says."""
    if BEHAVIOUR == "breaks":
        raise RuntimeError("the disk is full")
    if BEHAVIOUR == "clings":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if BEHAVIOUR == "dawdles":
        time.sleep(60)
    return Parts(dict.fromkeys(SERVICES, app), lambda: None)


if __name__ == "__main__":
    BEHAVIOUR = sys.argv[1]
    sys.exit(main(sys.argv[2:], compose=compose))
