"""JSON files that several processes read and change: clear errors, one lock, no half-written content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, NoReturn

from hca_core.errors import ConfigError
from hca_core.paths import atomic_write, private_dir

__all__ = ["edit_object", "read_object"]

LOCK_TIMEOUT = 30.0  # seconds; changing a file takes milliseconds


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None if there is no such file.

    Raises:
        ConfigError: it is no file, cannot be read or decoded, or holds something other than one JSON object.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}).", file=str(path)) from error
    except OSError as error:
        problem = "it is a directory" if path.is_dir() else error.strerror or str(error)
        raise ConfigError(f"{path} cannot be read: {problem}.", file=str(path)) from error
    return _parse(text, path)


def edit_object(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Apply `change` to the JSON object in a file, which need not exist yet; the file is private (0600) afterwards.

    The file is read and replaced under a lock, so no process undoes what another one did. It stays as it is if
    `change` changes nothing or raises.

    Raises:
        ConfigError: as `read_object`; or the file cannot be written.
    """
    target = path.resolve()  # a link into someone's dotfiles stays a link
    with _locked(path):
        before = read_object(target)
        after = deepcopy(before) if before is not None else {}
        change(after)
        text = _text(after, path)
        if before is None or text != _text(before, path):
            with _writing(path):
                atomic_write(target, text)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    with _writing(path):
        private_dir(path.parent)
        lock = FileLock(path.with_name(f"{path.name}.lock"), mode=0o600)
        try:
            lock.acquire(timeout=LOCK_TIMEOUT)
        except Timeout as error:
            raise ConfigError(f"{path} is being changed by another process; try again.", file=str(path)) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.", file=str(path)) from error


def _text(data: dict[str, Any], path: Path) -> str:
    try:
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ConfigError(f"JSON cannot express what should be written to {path}: {error}.", file=str(path)) from error


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}.",
            file=str(path),
            hint="Correct the file by hand; hca never overwrites a file that it cannot read.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON that can be used: {error}.", file=str(path)) from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must contain a JSON object, such as {{}}.", file=str(path))
    return data


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")
