"""Temporary folders for contents that only pass through this machine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hca_core.errors import TransferError
from hca_core.transfer.private import create, sweep

__all__ = ["Space", "temporary_folder"]

_FOLDER, _MARK = "hca-dss-", "in-use"  # names of the folders, and of what is locked in each while it is used
_POLL = 0.2  # seconds after which who waits looks whether it should stop
_ADVICE = "Name a folder with enough room in the variable TMPDIR."


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder of one run alone, which is gone afterwards; those of killed runs go now.

    Raises:
        TransferError: there cannot be one.
    """
    try:
        made = TemporaryDirectory(prefix=_FOLDER, ignore_cleanup_errors=True)
    except OSError as error:
        raise TransferError(
            f"Nothing was downloaded: no temporary folder can be made ({error.strerror or error}).",
            hint=_ADVICE,
        ) from error
    with made as name:
        folder = Path(name)
        _, mark = create(folder / _MARK)
        with mark:
            _sweep(folder.parent)
            yield folder


class Space:
    """The `free` bytes of a folder, which those who fetch share: who needs more than is left waits. Thread-safe."""

    def __init__(self, free: int) -> None:
        self._free = self._left = free
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, name: str, size: int, stop: threading.Event) -> Iterator[None]:
        """Have `size` bytes for the file called `name` until the block ends.

        Raises:
            CancelledError: `stop` was set.
            TransferError: there never were so many.
        """
        if size > self._free:
            message = f"{name} has {size:,} bytes, but only {self._free:,} are free in the temporary folder."
            raise TransferError(message, hint=_ADVICE)
        with self._changed:
            while size > self._left:
                if stop.is_set():
                    raise CancelledError
                self._changed.wait(_POLL)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


def _sweep(parent: Path) -> None:
    """Remove the folders whose marks nobody holds any more; one that has no mark yet is being made."""
    for folder in parent.glob(f"{_FOLDER}*"):
        if folder.is_symlink():  # somebody else's trick, where all may write
            continue
        marked = any(folder.glob(f"{_MARK}.*"))
        sweep(folder)
        if marked and not any(folder.glob(f"{_MARK}.*")):
            shutil.rmtree(folder, ignore_errors=True)
