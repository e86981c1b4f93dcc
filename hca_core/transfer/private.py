"""New files that take the name of a target when they are complete, and what killed processes left of such files."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "Sweeper",
    "beside",
    "create",
    "give_name",
    "is_at",
    "private_path",
    "remove",
    "replacing",
    "sweep",
    "try_lock",
]

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_LONGEST_SUFFIX = len(".hca-0123456789abcdef.part")
_OURS = re.compile(r"\.hca-[0-9a-f]{16}\.part$")
_MOST = 10_000  # folders to remember


def beside(target: Path, suffix: str) -> Path:
    """Return the path of something that belongs to `target`: its name and `suffix`, or a hash of a name too long."""
    name = os.fsencode(target.name)
    stem = target.name if len(name) <= 255 - _LONGEST_SUFFIX else hashlib.sha256(name).hexdigest()
    return target.with_name(stem + suffix)


def private_path(target: Path, owner: str) -> Path:
    """Return where something that will be `target` is gathered by one `owner` (16 hexadecimal digits) alone."""
    return beside(target, f".hca-{owner}.part")


def create(target: Path) -> tuple[Path, io.FileIO]:
    """Make a new file beside `target`, under a random name; missing folders are made. It is locked while it is open."""
    path, file = _new(target)
    if try_lock(file.fileno()) and os.fstat(file.fileno()).st_nlink:
        return path, file
    # Until it was locked, somebody could take it for one that nobody writes any more, and has.
    file.close()
    remove(path)
    path, file = _new(target)
    try_lock(file.fileno())
    return path, file


def _new(target: Path) -> tuple[Path, io.FileIO]:
    path = private_path(target, secrets.token_hex(8))
    try:
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    except FileNotFoundError:
        # pathlib's mkdir takes three times as long, and a store has nearly as many folders as files.
        os.makedirs(target.parent, exist_ok=True)  # noqa: PTH103
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    return path, io.FileIO(descriptor, "r+")


@contextmanager
def replacing(target: Path, *, keep: int | None = None) -> Iterator[tuple[Path, io.FileIO]]:
    """Give the path of a new file, and the file, open; it becomes `target` if the block ends well, or vanishes.

    `keep` is as for `give_name`.
    """
    path, file = create(target)
    try:
        with file:
            yield path, file
            if sys.platform != "win32":  # which renames no open file; elsewhere the lock is held until the end
                give_name(path, target, keep=keep)
        if sys.platform == "win32":
            give_name(path, target, keep=keep)
    except BaseException:
        remove(path)
        raise


def give_name(path: Path, target: Path, *, keep: int | None = None) -> None:
    """Make the file at `path` the `target`; but one of `keep` bytes that somebody else has made meanwhile stays."""
    if keep is None:
        path.replace(target)
        return
    with _alone_in(target.parent):
        if _size(target) == keep:
            remove(path)
        else:
            path.replace(target)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others who ask for it from doing the same in a folder, where the system can do that."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _size(path: Path) -> int | None:
    try:
        there = path.lstat()
    except OSError:
        return None
    return there.st_size if stat.S_ISREG(there.st_mode) else None


def sweep(folder: Path) -> None:
    """Remove such files from a folder if nobody writes them any more."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for path in [Path(one.path) for one in found if _OURS.search(one.name)]:
            _remove_abandoned(path)


class Sweeper:
    """Sweeps folders, but each only once: a run comes to the same folder with many files."""

    def __init__(self) -> None:
        self._swept = set[int]()

    def __call__(self, folder: Path) -> None:
        key = hash(os.fspath(folder))
        if key in self._swept:
            return
        if len(self._swept) >= _MOST:
            self._swept.clear()
        self._swept.add(key)
        sweep(folder)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file; False if another process or thread has it.

    A file system that knows no locks counts as success: being alone is the normal case, and whoever finds that his
    file is gone begins anew.
    """
    return _lock(descriptor) is not False


def is_at(file: io.FileIO, path: Path) -> bool:
    """Tell whether an open file is the regular one at `path`."""
    try:
        there = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(there.st_mode) and os.path.samestat(there, os.fstat(file.fileno()))


def remove(path: Path) -> None:
    """Remove a file, if it is there and can be."""
    with contextlib.suppress(OSError):
        path.unlink()


def _remove_abandoned(path: Path) -> None:
    if sys.platform == "win32":
        remove(path)  # which fails as long as anybody has it open
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(path, _FLAGS)
        try:
            if _lock(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Return whether the lock could be had; None if there are no locks here."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True
