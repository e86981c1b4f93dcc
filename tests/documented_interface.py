"""The commands and methods that the original documentation lists, with their options and arguments.

Of a command's option or a method's argument only what is not the rule is written down: `required`, `flag` (it takes
no value), `multiple` (one or more values), `choices`, `default`, `short` (its other name). Names without `--` are
positional. A flag is off by default; so is `--no-paginate`, for which the documentation shows the opposite.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["COMMANDS", "METHODS"]


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / name).read_text("utf-8"))
    return found


# Command -> option -> what is special about it; client class -> method -> argument -> the same.
COMMANDS: dict[str, dict[str, dict[str, Any]]] = _read("documented_commands.json")
METHODS: dict[str, dict[str, dict[str, dict[str, Any]]]] = _read("documented_methods.json")
