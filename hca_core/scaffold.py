"""Writes a new plugin: a small but complete package, to be changed by hand."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

from hca_core import __version__
from hca_core.errors import ArgumentError

__all__ = ["check_name", "distribution", "files", "write"]

# Its files end in .txt, so that no tool takes them for modules or projects of ours; NAME in a path is the plugin's.
TEMPLATE = Path(__file__).with_name("scaffold_template")
_NAME = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 40


def check_name(name: str, taken: Mapping[str, str]) -> None:
    """Make sure that a plugin can be called `name`; `taken` names are mapped to their owners.

    Raises:
        ArgumentError: it cannot.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ArgumentError(
            f"{name!r} cannot be the name of a plugin.",
            hint=f"Use up to {_LONGEST} lower-case letters and digits, with _ between words, such as deep_sea.",
        )
    if keyword.iskeyword(name):
        raise ArgumentError(f"{name!r} cannot be the name of a plugin: it is a word of the language Python.")
    if name in taken:
        raise ArgumentError(f"The name {name!r} is taken by {taken[name]}.")


def distribution(name: str) -> str:
    """Return what the distribution of the plugin `name`, and the folder it is made in, are called."""
    return f"hca-{name.replace('_', '-')}"


def files(name: str, core: str = __version__) -> dict[str, str]:
    """Return the files of the plugin `name` for version `core` of hca-core: their contents by relative path."""
    words = {
        "name": name,
        "package": f"hca_{name}",
        "distribution": distribution(name),
        "requirement": _requirement(core),
    }
    return {
        path.relative_to(TEMPLATE).as_posix().replace("NAME", name).removesuffix(".txt"): Template(
            path.read_text("utf-8")
        ).substitute(words)
        for path in sorted(TEMPLATE.rglob("*.txt"))
    }


def write(name: str, folder: Path) -> Path:
    """Write the plugin `name` into a new folder in `folder`, and return it; it appears when it is complete.

    Raises:
        ArgumentError: the new folder exists already.
    """
    target = folder / distribution(name)
    if os.path.lexists(target):
        raise ArgumentError(f"{target} exists already.", hint="Choose another name, or another --directory.")
    with TemporaryDirectory(prefix=".hca-", dir=folder) as made:
        whole = Path(made, target.name)
        for path, text in files(name).items():
            file = whole / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
        whole.rename(target)
    return target


def _requirement(version: str) -> str:
    # Hooks are only ever added to; what a plugin uses may be taken away in the next major version.
    return f"hca-core>={version},<{int(version.partition('.')[0]) + 1}"
