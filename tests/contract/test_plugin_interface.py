"""hca-gen3 uses what any plugin may use, and nothing else of the core: the proof that this is enough."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "hca_gen3"


def promised() -> set[str]:
    """Return the modules that the documentation promises to plugin authors."""
    page = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")
    section = page.partition("## What you may import")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {f"hca_core.{name}" for cell in cells for name in re.findall(r"`([a-z_.]+)`", cell)}


def imported() -> Iterator[tuple[str, str]]:
    """Yield module and name of everything that the plugin imports from the core, wherever it does."""
    for path in sorted(PLUGIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names if alias.name.startswith("hca_core"))
            elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "hca_core":
                yield from ((node.module or "", alias.name) for alias in node.names)


def is_promised(module: str, name: str) -> bool:
    """Tell whether it is a promised module, or one of the names of such a module."""
    if f"{module}.{name}" in promised():
        return True
    return module in promised() and name in importlib.import_module(module).__all__


def test_there_is_something_to_look_at() -> None:
    assert len(promised()) > 20
    assert len(set(imported())) > 40


@pytest.mark.parametrize("module", sorted(promised()))
def test_what_is_promised_is_there(module: str) -> None:
    assert importlib.import_module(module).__all__


def test_the_plugin_uses_what_is_promised_and_nothing_else() -> None:
    assert sorted({f"{module}:{name}" for module, name in imported() if not is_promised(module, name)}) == []
