"""Writes the pages that follow from the code: commands, methods, settings. `--check` only names those out of date."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from inspect import cleandoc
from pathlib import Path

import click

from hca_core.app import App, load_target
from hca_core.cli.context import Context
from hca_core.cli.root import hca
from hca_core.openapi import describe
from hca_core.openapi.document import DescriptionCache
from hca_core.openapi.model import Operation, Parameter
from hca_core.openapi.names import identifier
from hca_core.plugins import Plugins
from hca_core.records import ServiceSpec

DOCS = Path(__file__).parent
PLUGINS = sorted(folder.parent.name.replace("_", "-") for folder in DOCS.parent.glob("plugins/*/pyproject.toml"))
TYPES = {"array": "list", "boolean": "bool", "integer": "int", "number": "float", "object": "dict", "string": "str"}

CLI_HEAD = """\
# Commands

This is what `hca COMMAND --help` (or `-h`) shows, which never needs the network. Options of `hca` itself stand before
the command: `hca --quiet dss download …`.

Where a command calls for `JSON`, it also takes `@FILE`, a file with JSON, and `-`, JSON on standard input. An option
marked `...` takes one value or more.
"""

METHODS_HEAD = """\
# Methods of {client}

One method for each operation of the {title}; [Python](python.md#methods-of-a-service) tells what they have in common.
What is left out of a call is left to the service: the defaults shown are those that it applies.
"""


def main(words: Sequence[str]) -> None:
    """Write the pages, or exit with 1 and their names if `--check` finds that they are not what they should be."""
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text}
    if stale and "--check" in words:
        names = ", ".join(str(path.relative_to(DOCS.parent)) for path in stale)
        sys.exit(f"Out of date: {names}. Run `python docs/generate.py`.")
    for path, text in stale.items():
        path.write_text(text, "utf-8", newline="\n")


def pages() -> dict[Path, str]:
    """Return the text of every generated page."""
    with tempfile.TemporaryDirectory() as folder:
        app = plain_app(Path(folder))
        configuration = DOCS / "configuration.md"
        methods = {
            DOCS / f"{spec.name}-methods.md": methods_page(app, spec)
            for spec in app.plugins.services().values()
            if spec.described
        }
        return {
            DOCS / "cli.md": commands_page(app),
            configuration: with_table(configuration.read_text("utf-8"), settings_table(app)),
            **methods,
        }


def plain_app(folder: Path) -> App:
    """Return hca as it is for somebody who has this project's plugins, and neither settings nor caches."""
    environ = {"HOME": str(folder), "HCA_PLUGINS": ",".join(PLUGINS), "HCA_STRICT_PLUGINS": "1"}
    app = App(environ=environ, plugins=Plugins(environ, cache_file=folder / "plugins.json"))
    app.descriptions = DescriptionCache(folder / "descriptions")
    return app


def settings_table(app: App) -> str:
    """Return the rows of the table of settings."""
    return "\n".join(
        row(f"`{spec.key}`", "" if spec.default is None else f"`{spec.default}`", cell(spec.help))
        for spec in app.plugins.settings()
    )


def with_table(page: str, rows: str) -> str:
    """Return a page whose table of settings has these rows."""
    before, head, after = page.partition("| key | default | meaning |\n|---|---|---|\n")
    _, end, rest = after.partition("\n\n")
    if not end:
        raise LookupError("configuration.md has no table of settings with a blank line after it")
    return f"{before}{head}{rows}{end}{rest}"


def commands_page(app: App) -> str:
    """Return the page about every command, in the order in which `hca --help` shows them."""
    root = click.Context(hca, info_name="hca", obj=Context(lambda: app))
    targets = {spec.name: load_target(spec.target) for spec in app.plugins.commands().values()}
    children = [click.Context(command, info_name=name, parent=root) for name, command in targets.items()]
    return "\n".join([CLI_HEAD, section(root, children), *(part for child in children for part in tree(child))])


def tree(ctx: click.Context) -> Iterator[str]:
    """Yield the sections of a command and of all below it."""
    children = list(below(ctx))
    yield section(ctx, children)
    for child in children:
        yield from tree(child)


def below(ctx: click.Context) -> Iterator[click.Context]:
    """Yield the commands of a group, also those that it only makes when asked for them."""
    group = ctx.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is None:
            raise LookupError(f"{ctx.command_path} lists {name}, but does not have it")
        yield click.Context(command, info_name=name, parent=ctx)


def section(ctx: click.Context, children: Iterable[click.Context]) -> str:
    """Return what `--help` says about a command."""
    level = max(2, ctx.command_path.count(" ") + 1)
    usage = " ".join([ctx.command_path, *ctx.command.collect_usage_pieces(ctx)])
    parts = [
        f"{'#' * level} {ctx.command_path}",
        f"```text\n{usage}\n```",
        prose(cleandoc(ctx.command.help or "")),
        table("option", options(ctx)),
        table("command", ((link(child), summary(child)) for child in children)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def options(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Yield each option of a command as its help shows it, with its choices, default and limits."""
    for option in ctx.command.params:
        record = option.get_help_record(ctx)
        if record:
            yield f"`{cell(record[0])}`", prose(cell(record[1]))


def link(ctx: click.Context) -> str:
    """Return a link to the section of a command."""
    return f"[`{ctx.command_path}`](#{anchor(ctx.command_path)})"


def anchor(command: str) -> str:
    """Return what the heading of a command is called in an address."""
    return command.replace(" ", "-").replace(".", "")


def summary(ctx: click.Context) -> str:
    """Return the first sentence about a command."""
    return prose(cell(ctx.command.get_short_help_str(limit=1000)))


def methods_page(app: App, spec: ServiceSpec) -> str:
    """Return the page about the methods that a service's client gets from its API description."""
    api = app.api(spec.name, offline=True)
    names = dict.fromkeys(operation.name for operation in api.operations)
    head = METHODS_HEAD.format(client=spec.section, title=spec.title)
    commands = command_names(app, spec.name)
    return "\n".join([head, *(method_section(spec, api.named(name), commands) for name in names)])


def command_names(app: App, service: str) -> frozenset[str]:
    """Return the names of the commands `hca SERVICE …`; a service may have methods that are no commands."""
    spec = app.plugins.commands().get(service)
    if spec is None:
        return frozenset()
    group = click.Context(load_target(spec.target), info_name=service, obj=Context(lambda: app))
    return frozenset(child.info_name or "" for child in below(group))


def method_section(spec: ServiceSpec, operations: Sequence[Operation], commands: frozenset[str]) -> str:
    """Return what there is to know about a method, of which there may be one among the `commands`."""
    first = operations[0]
    command = f"hca {spec.name} {first.command}"
    shell = [f"On the command line: [`{command}`](cli.md#{anchor(command)})."] if first.command in commands else []
    needed = describe.required_names(operations)
    found = describe.parameters(operations)
    rows = ((f"`{item.python_name}`", meaning(item, item.python_name in needed)) for item in found)
    parts = [
        f"## {identifier(first.name)}",
        f"```python\n{signature(first.name, found, needed)}\n```",
        f"{first.summary.rstrip('.')}.",
        cleandoc(first.description),
        table("argument", rows),
        " ".join([*traits(operations), *shell]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def signature(name: str, parameters: Iterable[Parameter], needed: frozenset[str]) -> str:
    """Return how a method is called; written out here because Python versions print annotations differently."""
    words = [
        f"{item.python_name}: {annotation(item)}"
        if item.python_name in needed
        else f"{item.python_name}: {annotation(item)} | None = {item.default!r}"
        for item in parameters
    ]
    line = f"{identifier(name)}({', '.join(words)})"
    return line if len(line) <= 100 else "\n".join([f"{identifier(name)}(", *(f"    {word}," for word in words), ")"])


def annotation(parameter: Parameter) -> str:
    """Return the type of an argument as it is written in Python."""
    if parameter.enum:
        return f"Literal[{', '.join(map(repr, parameter.enum))}]"
    return TYPES.get(parameter.type, "Any")


def meaning(parameter: Parameter, required: bool) -> str:
    """Return what a method's page says about an argument."""
    return cell(f"{parameter.description.strip()} {'(required)' if required else ''}".strip())


def traits(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield what a caller should know about how an operation answers."""
    if any(operation.secured for operation in operations):
        yield "Needs credentials."
    if any(operation.paginated for operation in operations):
        yield "Answers in pages: `.iterate(…)` yields the items of all of them."
    if any("304" in operation.statuses for operation in operations):
        yield "Returns `None` if nothing had to be changed."
    if any(operation.binary for operation in operations):
        yield "Answers with bytes: `.stream(…)` gives them piece by piece."


def table(head: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table that says what things called `head` mean; nothing if there are none."""
    lines = [row(*cells) for cells in rows]
    return "\n".join([row(head, "meaning"), "|---|---|", *lines]) if lines else ""


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def cell(text: str) -> str:
    """Return a text as one line that does not end its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(text: str) -> str:
    """Return a text of the command line so that Markdown shows it as it is; what is in backticks stays code."""
    parts = text.split("`")
    return "`".join(re.sub(r"([*<])", r"\\\1", part) if at % 2 == 0 else part for at, part in enumerate(parts))


if __name__ == "__main__":
    main(sys.argv[1:])
