"""Makes folders that look like installed plugin distributions."""

from __future__ import annotations

import textwrap
from pathlib import Path

GOOD = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import CommandSpec

    @hookimpl
    def hca_commands():
        return [CommandSpec({name!r}, "Say {name}.", "{module}_cli:command")]
"""
COMMAND = """
    import click

    @click.command()
    def command():
        click.echo("hello from {module}")
"""


def install(folder: Path, name: str, source: str = GOOD, *, distribution: str | None = None, module: str = "") -> Path:
    """Write a distribution `hca-<name>` 1.0 whose plugin module has `source`; return the module's file."""
    distribution = distribution or f"hca-{name}"
    module = module or f"plug_{distribution.replace('-', '_')}"
    metadata = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text(
        f"[console_scripts]\nx = y:z\n\n[hca]\n{name} = {module}\n\n[other]\na = b\n"
    )
    file = folder / f"{module}.py"
    file.write_text(
        textwrap.dedent(source).replace("{name!r}", repr(name)).replace("{name}", name).replace("{module}", module)
    )
    (folder / f"{module}_cli.py").write_text(textwrap.dedent(COMMAND).replace("{module}", module))
    return file
