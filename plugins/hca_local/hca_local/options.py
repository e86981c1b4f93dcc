"""How a local stack behaves: chosen at its start, kept for the next ones."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_core.errors import ConfigError, HcaError
from hca_core.paths import atomic_write
from hca_local.root import Root
from hca_local.state import running

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Options", "choose", "read_options"]

_SIZES = ("checkout_seconds", "replication_seconds", "async_threshold")
_TEXTS = ("elasticsearch_url", "validator")


@dataclass(frozen=True)
class Options:
    """Seconds that things take, bytes above which files are taken in the background, and who else is asked.

    `elasticsearch_url` is where searches are answered, if not by the stack itself; `validator` is a command for files
    in upload areas. With `require_login`, `hca` has no ready-made token of the stack.
    """

    checkout_seconds: float = 0
    replication_seconds: float = 0
    async_threshold: int = 64 * 1024 * 1024
    elasticsearch_url: str | None = None
    validator: str | None = None
    require_login: bool = False


def read_options(root: Root) -> Options:
    """Return the options of a stack.

    Raises:
        ConfigError: their file is damaged.
    """
    file = _file(root)
    if not file.exists():
        return Options()
    try:
        options = Options(**json.loads(file.read_bytes()))
        _check(options)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{file} is damaged.", file=str(file), hint="Delete that file: the stack then behaves as a new one."
        ) from error
    return options


def choose(root: Root, given: Mapping[str, Any]) -> None:
    """Keep the options that are given; those that are None stay as they are, and an empty text is none.

    Raises:
        HcaError: the stack runs with others, or one makes no sense.
    """
    before = read_options(root)
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    changes |= {name: None for name, value in changes.items() if value == ""}
    options = replace(before, **changes)
    if options == before:
        return
    if running(root) is not None:
        raise HcaError(
            "The stack already runs with other options.",
            hint="Stop it first: `hca local down`. Or use another --root for a second stack.",
        )
    try:
        _check(options)
    except ValueError as error:
        raise HcaError(f"A stack cannot be like that: {error}.") from error
    atomic_write(_file(root), json.dumps(asdict(options), indent=2) + "\n")


def _file(root: Root) -> Path:
    return root.path / "options.json"


def _check(options: Options) -> None:
    values = asdict(options)
    for name in _SIZES:
        value = values[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ValueError(f"{name} is no number from 0 on")
    for name in _TEXTS:
        if not isinstance(values[name], str | None):
            raise ValueError(f"{name} is no text")
    if not isinstance(options.require_login, bool):
        raise ValueError("require_login is neither true nor false")
    if options.elasticsearch_url is not None and urlsplit(options.elasticsearch_url).scheme not in ("http", "https"):
        raise ValueError("elasticsearch_url is no address with http:// or https://")
    shlex.split(options.validator or "")
