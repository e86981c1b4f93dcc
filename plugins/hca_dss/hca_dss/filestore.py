"""Where downloaded files live: addressed by checksum, and linked from where people look for them."""

from __future__ import annotations

import errno
import filecmp
import hashlib
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from hca_core.errors import TransferError
from hca_core.paths import check_sha256
from hca_core.transfer.digest import sha256_of
from hca_core.transfer.durable import flush
from hca_core.transfer.private import private_path, remove, replacing, sweep
from hca_dss.places import Places

logger = logging.getLogger(__name__)

FOLDER = (".hca", "v2", "files_2_4")
# The file system cannot link, or not these two, or not once more: a copy serves as well.
_COPY_INSTEAD = {errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EACCES, errno.ENOTSUP, errno.ENOSYS}

_INNER = re.compile(r"[0-9a-f]{4}")

MakeLink = Callable[[Path, Path], None]


def home(sha256: str) -> tuple[str, ...]:
    """Return where below a download directory the content with this checksum belongs, part by part.

    Raises:
        TransferError: not a SHA-256 checksum.
    """
    digest = check_sha256(sha256)
    return (*FOLDER, digest[:2], digest[2:6], digest)


class Filestore:
    """The store of one download directory, `<root>/.hca/v2/files_2_4/aa/bbbb/<sha256>`; nothing is created here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._places = Places(root)
        self._listed: dict[str, bytes] = {}

    def path(self, sha256: str) -> Path:
        """Return where the content with this checksum lives, there or not.

        Raises:
            TransferError: not a SHA-256 checksum, or a folder of the store is a symbolic link.
        """
        return self._places.join(home(sha256))

    def may_hold(self, sha256: str) -> bool:
        """Return False if not even the folder for the content with this (checked) checksum was there at first.

        Folders are listed once, so that planning a million files does not take a million looks at the disk.

        Raises:
            TransferError: a folder of the store is a symbolic link.
        """
        outer, inner = sha256[:2], int(sha256[2:6], 16)
        if outer not in self._listed:
            self._listed[outer] = _folders_in(self._places.join((*FOLDER, outer)))
        return bool(self._listed[outer][inner >> 3] & 1 << (inner & 7))

    def holds(self, sha256: str, size: int, *, verify: bool = False) -> bool:
        """Return whether the content is there with `size` bytes; `verify` reads it all and compares the checksum."""
        path = self.path(sha256)
        if not path.is_file() or path.stat().st_size != size:
            return False
        return not verify or sha256_of(path) == sha256

    def put(self, data: bytes) -> Path:
        """Keep `data` in the store and return its path."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not self.holds(digest, len(data), verify=True):
            _write(path, data)
        return path


def _folders_in(path: Path) -> bytes:
    """Return which folders with four hexadecimal digits are in one: a bit for each of them, as they may be 65 536."""
    found = bytearray(8192)
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if _INNER.fullmatch(entry.name):
                number = int(entry.name, 16)
                found[number >> 3] |= 1 << (number & 7)
    return bytes(found)


def _write(path: Path, data: bytes) -> None:
    sweep(path.parent)
    keep = None if os.path.lexists(path) else len(data)  # another process may be about to write the same
    with replacing(path, keep=keep) as (fresh, _):
        fresh.write_bytes(data)
        protect(fresh)
    flush([path])


def protect(path: Path) -> None:
    """Take away everyone's right to write: an edit through a hard link would silently change the store.

    Not on Windows, where a read-only file cannot be replaced or deleted either.
    """
    if os.name == "posix":
        with suppress(OSError):  # some file systems know no rights
            os.chmod(path, os.stat(path).st_mode & 0o555)


def link(
    stored: Path, target: Path, *, verify: bool = False, overwrite: bool = False, make_link: MakeLink = os.link
) -> None:
    """Make `target` show the content of `stored`: as a hard link, or as a copy where links cannot be made.

    A `target` that has the content already is left alone; `verify` compares byte by byte instead of trusting size
    and modification time. Missing folders are created.

    Raises:
        TransferError: `target` exists with other content and `overwrite` is false, or it is no regular file.
    """
    try:
        try:
            _link_or_copy(stored, target, make_link)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(stored, target, make_link)
    except FileExistsError:
        _settle(stored, target, verify, overwrite, make_link)


def _settle(stored: Path, target: Path, verify: bool, overwrite: bool, make_link: MakeLink) -> None:
    """Deal with a `target` that exists."""
    there = os.lstat(target)
    if not S_ISREG(there.st_mode):
        raise TransferError(f"{target} is in the way: it is not a regular file.", hint="Move it away.")
    if os.path.samestat(there, os.stat(stored)):
        return
    if overwrite:
        _replace(stored, target, make_link)
    elif not filecmp.cmp(stored, target, shallow=not verify):
        raise TransferError(
            f"{target} exists with other content; it was not touched.",
            hint="Move it away, or repeat the download with --existing overwrite.",
        )


def _replace(stored: Path, target: Path, make_link: MakeLink) -> None:
    fresh = private_path(target, secrets.token_hex(8))
    try:
        _link_or_copy(stored, fresh, make_link)
        os.replace(fresh, target)
    except BaseException:
        remove(fresh)
        raise


def _link_or_copy(stored: Path, target: Path, make_link: MakeLink) -> None:
    try:
        make_link(stored, target)
    except OSError as error:
        if error.errno not in _COPY_INSTEAD:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target)) from error
        logger.info("copying %s: it cannot be linked (%s)", target, error.strerror)
        _copy(stored, target)


def _copy(stored: Path, target: Path) -> None:
    """Copy beside `target`, then rename; the modification time comes along, so that a rerun need not compare bytes."""
    with replacing(target) as (fresh, _):
        shutil.copy2(stored, fresh)
