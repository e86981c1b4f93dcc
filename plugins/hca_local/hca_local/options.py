"""How slow a local stack pretends to be: chosen at its start, kept for the next ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hca_core.errors import ConfigError, HcaError
from hca_core.paths import atomic_write
from hca_local.root import Root
from hca_local.state import running

__all__ = ["Options", "choose", "read_options"]


@dataclass(frozen=True)
class Options:
    """What `hca_local.dss.app.DssApp` takes under the same names: seconds, and bytes."""

    checkout_seconds: float = 0
    replication_seconds: float = 0
    async_threshold: int = 64 * 1024 * 1024


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
            f"{file} is damaged.", file=str(file), hint="Delete that file: the stack is then as quick as it can be."
        ) from error
    return options


def choose(root: Root, given: Mapping[str, float | None]) -> None:
    """Keep the options that are given; those that are None stay as they are.

    Raises:
        HcaError: the stack runs with others, or one makes no sense.
    """
    before = read_options(root)
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
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
        raise HcaError(f"A stack cannot be that slow: {error}.") from error
    atomic_write(_file(root), json.dumps(asdict(options), indent=2) + "\n")


def _file(root: Root) -> Path:
    return root.path / "options.json"


def _check(options: Options) -> None:
    for name, value in asdict(options).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ValueError(f"{name} is no number from 0 on")
