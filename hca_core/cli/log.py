"""Shows the log to the user, line by line among other words, so that it spoils no progress bar."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from hca_core.redact import REDACTING

__all__ = ["start"]


class Lines(logging.Handler):
    """Hands each record as text to `write`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.addFilter(REDACTING)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record))
        except Exception:  # noqa: BLE001 - a log that cannot be written is no reason to stop
            self.handleError(record)


def start(write: Callable[[str], None], level: str, *, debug: bool, packages: Iterable[str]) -> Callable[[], None]:
    """Log with `write`: `packages`, which are ours, from `level` on; with `debug` everything.

    Libraries are heard from that level on, too, but never below a warning. Returns how to undo it, for programs in
    which the command line is not all there is.
    """
    root = logging.getLogger()
    ours = [logging.getLogger(package) for package in packages]
    before = [(logger, logger.level) for logger in (root, *ours)]
    handler = Lines(write)
    root.addHandler(handler)
    root.setLevel("DEBUG" if debug else max(logging.WARNING, logging.getLevelName(level)))
    for logger in ours:
        logger.setLevel("DEBUG" if debug else level)

    def undo() -> None:
        root.removeHandler(handler)
        for logger, level_before in before:
            logger.setLevel(level_before)

    return undo
