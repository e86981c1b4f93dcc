"""Where hca keeps its own files, and which names from elsewhere may become paths."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from hca_core import folders
from hca_core.errors import ArgumentError, ConfigError, HcaError, TransferError

__all__ = [
    "atomic_write",
    "cache_dir",
    "check_name",
    "check_private",
    "check_sha256",
    "check_uuid",
    "config_dir",
    "data_dir",
    "extended",
    "long_path",
    "private_dir",
    "safe_join",
    "state_dir",
]

_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def config_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder of the user's `config.json` and `credentials.json`.

    `$XDG_CONFIG_HOME/hca` or `~/.config/hca` on every platform, as documented; where the platform has another
    habit (macOS, Windows) its folder is used if the documented one does not exist.
    """
    return Path(folders.config_folder(environ))


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder of what can be made again: API descriptions, what plugins describe."""
    return Path(folders.own_folder("cache", environ))


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder of what is worth keeping but not configuration: logs of failures."""
    return Path(folders.own_folder("state", environ))


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder of data that hca itself owns, such as the local stack's root."""
    return Path(folders.own_folder("data", environ))


def private_dir(path: Path) -> Path:
    """Create `path` (and its parents) so that only the user can read it (0700); an existing one is tightened."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o700)
    return path


def atomic_write(path: Path, data: bytes | str, *, mode: int = 0o600) -> None:
    """Write `data` so that readers see the old content or the new, never a part; durable when it returns.

    The file has `mode` from its first byte. Missing parent folders are created (0700).
    """
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp creates the file 0600 and with a name nobody can have prepared.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        if mode != 0o600:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_name(name: str, *, windows: bool = os.name == "nt") -> tuple[str, ...]:
    """Return the parts of a relative file name that came from a server or a manifest.

    Raises:
        TransferError: the name is one that must not become a path here or on a colleague's machine: absolute, with
            `..`, empty or `.` segments, backslashes, control characters, a drive letter, a Windows device name, a
            segment that ends in a dot or space or is longer than 255 bytes; on Windows also `<>:"|?*`.
    """
    problem = _problem(name, windows)
    if problem:
        raise TransferError(
            f"Unsafe file name {name!r}: {problem}.", hint="Nothing was written for it; tell whoever published it."
        )
    return tuple(name.split("/"))


def _problem(name: str, windows: bool) -> str | None:
    if not name:
        return "it is empty"
    if _CONTROL.search(name):
        return "it contains control characters"
    if "\\" in name:
        return "it contains a backslash"
    if name.startswith(("/", "~/")) or re.match(r"[A-Za-z]:", name):
        return "it is absolute"
    if windows and re.search(r'[<>:"|?*]', name):
        return "it contains a character that Windows does not allow"
    return next((problem for part in name.split("/") if (problem := _segment_problem(part))), None)


def _segment_problem(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"it has the segment {part!r}"
    if _DEVICES.fullmatch(part):
        return f"{part!r} is a Windows device"
    if part.endswith((".", " ")):
        return "a segment ends in a dot or a space"
    if len(part.encode()) > 255:
        return "a segment is longer than 255 bytes"
    return None


def safe_join(root: Path, name: str) -> Path:
    """Return `root/name` for a name from elsewhere; the result is inside `root` and reached through no symlink.

    Raises:
        TransferError: as `check_name`, or the file or one of its folders below `root` is a symbolic link.
    """
    path = long_path(root)
    for part in check_name(name):
        path = path / part
        if path.is_symlink():
            raise TransferError(
                f"Unsafe file name {name!r}: {path} is a symbolic link.",
                hint="Remove the link, or choose another download directory.",
            )
    return path


def long_path(path: Path) -> Path:
    """Return `path` so that Windows accepts more than 260 characters of it; elsewhere as it is."""
    return Path(extended(str(path.absolute()))) if os.name == "nt" else path


def extended(path: str) -> str:
    """Return an absolute Windows path in the form that has no limit of 260 characters."""
    if path.startswith("\\\\?\\"):
        return path
    return f"\\\\?\\UNC\\{path[2:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"


def check_sha256(text: str) -> str:
    """Return `text` in lower case if it is 64 hex digits; otherwise raise a TransferError that names it."""
    return _checked(text, _SHA256, TransferError, "SHA-256 checksum")


def check_uuid(text: str) -> str:
    """Return `text` in lower case if it is a UUID in its usual form; otherwise raise an ArgumentError."""
    return _checked(text, _UUID, ArgumentError, "UUID")


def _checked(text: str, pattern: re.Pattern[str], error: type[HcaError], what: str) -> str:
    lowered = str(text).lower()
    if not pattern.fullmatch(lowered):
        raise error(f"{str(text)[:100]!r} is not a {what}.")
    return lowered


def check_private(path: Path) -> None:
    """Raise a ConfigError if others can read `path`, a file that holds secrets."""
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path} can be read by others.", file=str(path), hint=f"Run: chmod 600 {path}")
