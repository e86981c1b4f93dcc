"""The commands of a service: hand-written ones, and one for each operation of its API description."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from hca_core.cli import login
from hca_core.cli.context import Context
from hca_core.cli.groups import HelpGroup
from hca_core.cli.options import make_option, regroup, word_kinds
from hca_core.cli.output import clean, emit
from hca_core.errors import ArgumentError
from hca_core.openapi import describe

if TYPE_CHECKING:
    from hca_core.app import App
    from hca_core.client import ApiMethod
    from hca_core.openapi.model import Api, Operation

__all__ = ["ApiGroup", "OperationCommand"]

# Names of our own options among the service's parameters.
FIRST_PAGE = "hca_first_page"
OUTPUT = "hca_output"


class ApiGroup(HelpGroup):
    """A group with a command for each operation of `service`; commands added by hand win over generated ones.

    A service that needs a login for anything also has `login` and `logout`. Commands and their help come from the
    bundled or kept description: the network is not asked before a command runs.
    """

    def __init__(self, *args: Any, service: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.service = service
        self.add_command(_refresh_command(service))

    def list_commands(self, ctx: click.Context) -> list[str]:
        generated = dict.fromkeys(operation.command for operation in self._api(ctx).operations)
        written = self._written(ctx)
        return [*written, *(name for name in generated if name not in written)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        written = super().get_command(ctx, cmd_name) or self._written(ctx).get(cmd_name)
        if written is not None:
            return written
        operations = [operation for operation in self._api(ctx).operations if operation.command == cmd_name]
        return OperationCommand(self.service, operations) if operations else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = formatter.width - 6 - max(map(len, self.list_commands(ctx)), default=0)
        commands = sorted(self._written(ctx).items())
        written = {name: command.get_short_help_str(width) for name, command in commands}
        for title, rows in [("Commands", written), *self._sections(ctx, width).items()]:
            if rows:
                with formatter.section(title):
                    formatter.write_dl(list(rows.items()))

    def _sections(self, ctx: click.Context, width: int) -> dict[str, dict[str, str]]:
        """The generated commands with their summaries, by what they are about."""
        written = self._written(ctx)
        sections: dict[str, dict[str, str]] = {}
        for operation in self._api(ctx).operations:
            if operation.command not in written:
                rows = sections.setdefault(_subject(operation), {})
                rows.setdefault(operation.command, _shortened(operation.summary or operation.description, width))
        return sections

    def _written(self, ctx: click.Context) -> dict[str, click.Command]:
        """The commands that do not come from the description."""
        return {**(login.commands(self.service) if self._api(ctx).secured else {}), **self.commands}

    def _api(self, ctx: click.Context) -> Api:
        key = f"{__name__}.{self.service}"
        if key not in ctx.meta:
            ctx.meta[key] = _context(ctx).app.api(self.service, offline=True)
        return cast("Api", ctx.meta[key])


def _refresh_command(service: str) -> click.Command:
    def refresh() -> None:
        context = _context(click.get_current_context())
        context.say(f"Fetched {context.app.refresh(service)}.")

    return click.Command("refresh-swagger", callback=refresh, help="Fetch the service's API description again.")


class OperationCommand(click.Command):
    """The command of the operations that share a name."""

    def __init__(self, service: str, operations: Sequence[Operation]) -> None:
        found = describe.parameters(operations)
        needed = describe.required_names(operations)
        first = operations[0]
        self._kinds = word_kinds(found)
        super().__init__(
            first.command,
            params=[
                *(make_option(parameter, required=parameter.python_name in needed) for parameter in found),
                *(option for option in _own_options(operations) if not set(option.opts) & set(self._kinds)),
            ],
            callback=_runner(service, operations),
            help=clean("\n\n".join(filter(None, [first.summary, first.description]))),
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A completion asks about words that are not finished.
        words = args if ctx.resilient_parsing else regroup(args, self._kinds)
        try:
            return super().parse_args(ctx, list(words))
        except click.MissingParameter as error:
            # click names the first one only.
            missing = self._missing(words)
            if len(missing) < 2:
                raise
            listed = f"{', '.join(map(repr, missing[:-1]))} and {missing[-1]!r}"
            raise click.UsageError(f"Missing options {listed}.", error.ctx) from None

    def _missing(self, words: Iterable[str]) -> list[str]:
        given = {word.partition("=")[0] for word in words}
        return [option.opts[0] for option in self.params if option.required and option.opts[0] not in given]


def _own_options(operations: Sequence[Operation]) -> Iterator[click.Option]:
    """Options that are ours rather than the service's."""
    if any(operation.paginated for operation in operations):
        yield click.Option(["--no-paginate", FIRST_PAGE], is_flag=True, help="Show only the first page.")
    if any(operation.binary for operation in operations):
        yield click.Option(
            ["-o", "--output-file", OUTPUT],
            type=click.Path(dir_okay=False, allow_dash=True),
            help="Write the answer to this file instead of standard output.",
        )


def _runner(service: str, operations: Sequence[Operation]) -> Callable[..., None]:
    """What the command does: call the client's method, show what it returns."""

    def run(**values: Any) -> None:
        context = _context(click.get_current_context())
        only_first, output = values.pop(FIRST_PAGE, False), values.pop(OUTPUT, None)
        method = context.app.client(service).method(operations[0].name)
        given = {name: value for name, value in values.items() if value is not None}
        if any(operation.binary for operation in operations):
            _save_stream(method, given, output)
        elif any(operation.paginated for operation in operations) and not only_first:
            _show(context, method.collect(**given))
        elif operations[0].method == "HEAD":
            context.emit(dict(method(**given).headers))
        else:
            value = method(**given)
            _show(context, value)
            if value is None and any("304" in operation.statuses for operation in operations):
                context.say("Nothing was changed: the service says that it is so already.")

    return run


def _show(context: Context, value: Any) -> None:
    if isinstance(value, bytes):
        _write([value], sys.stdout.buffer)
    elif isinstance(value, str):
        # A text is no data to pick from: it is shown as it is, whatever form was chosen for data.
        emit(value.replace("\r\n", "\n").rstrip("\n"), "raw")
    elif value is not None:
        context.emit(value)


def _save_stream(method: ApiMethod, arguments: dict[str, Any], output: str | None) -> None:
    """Write the answer's bytes as they are, or where they are; a file gets its name only when it is complete."""
    from hca_core.http import exact_bytes, foreign_address

    if output is not None and not Path(output).parent.is_dir():
        raise ArgumentError(f"{output} cannot be written: there is no folder {Path(output).parent}.")
    with method.stream(**arguments) as response:
        address = foreign_address(response.status_code, response.headers)
        pieces = [f"{clean(address)}\n".encode()] if address else exact_bytes(response)
        if output is None or output == "-":
            _write(pieces, sys.stdout.buffer)
        elif Path(output).exists() and not Path(output).is_file():
            with Path(output).open("wb") as device:  # a pipe or /dev/null is written to, not replaced
                _write(pieces, device)
        else:
            _write_whole(pieces, Path(os.path.realpath(output)))


def _write(pieces: Iterable[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
    file.flush()


def _write_whole(pieces: Iterable[bytes], target: Path) -> None:
    partial = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with partial.open("xb") as file:
            _write(pieces, file)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _subject(operation: Operation) -> str:
    """What an operation is about: its tag, or the first part of its path that is a word."""
    words = (part for part in operation.path.split("/") if part and not part.startswith("{"))
    word = next((word for word in words if not re.fullmatch(r"v\d+", word)), "Other")
    return clean((operation.tag or word.strip(".")).replace("_", " ").replace("-", " ").capitalize())


def _shortened(text: str, width: int) -> str:
    return clean(textwrap.shorten(text.strip().partition("\n")[0], max(width, 20), placeholder="..."))


def _context(ctx: click.Context) -> Context:
    found = ctx.find_object(Context)
    if found is None:
        # Shell completion looks commands up without running the root command.
        found = ctx.obj = Context(_make_app)
    return found


def _make_app() -> App:
    from hca_core.app import App

    return App()
