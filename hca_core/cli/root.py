"""The command `hca`: finds commands in plugins, and turns every failure into a sentence, a hint and an exit code."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any, cast

import click

from hca_core import __version__
from hca_core.cli.context import Context
from hca_core.cli.output import FORMATS, clean, compile_query, say
from hca_core.errors import ConfigError, HcaError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from hca_core.plugins import Plugins
    from hca_core.settings import Settings

__all__ = ["hca", "main"]

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PACKAGES = {name: f"hca-{name}" for name in ("auth", "dss", "gen3", "local", "upload")}


class Failure(click.ClickException):
    """A failure in the words of the user, with the exit code it ends in."""

    def __init__(self, message: str, *, hint: str | None = None, exit_code: int = 1, as_json: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it on the class
        self.as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        if self.as_json:
            import json

            error = {"exit_code": self.exit_code, "message": self.message, "hint": self.hint}
            click.echo(json.dumps({"error": error}), err=True)
            return
        click.echo(f"Error: {clean(self.message)}", err=True)
        if self.hint:
            click.echo(f"Hint: {clean(self.hint)}", err=True)


class RootGroup(click.Group):
    """A group whose commands come from plugins; none is imported before it is used."""

    _plugins: Plugins | None = None

    @property
    def plugins(self) -> Plugins:
        """The installed plugins; found once per run."""
        if self._plugins is None:
            from hca_core.plugins import Plugins

            self._plugins = Plugins(os.environ)
        return self._plugins

    def main(self, *args: Any, **kwargs: Any) -> Any:
        self._plugins = None  # a second run in one process may see another environment
        return super().main(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.plugins.commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from hca_core.cli.groups import load_command

        spec = self.plugins.command(cmd_name)
        return load_command(spec) if spec else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in PACKAGES and name not in self.plugins.commands() and self.plugins.named(name) is None:
            raise click.UsageError(
                f"The command {name!r} is provided by the package {PACKAGES[name]}, which is not installed.", ctx
            )
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from hca_core.cli.suggest import alternatives

            found = " or ".join(f"`hca {words}`" for words in alternatives(name, self, ctx))
            if not found:
                raise
            raise click.UsageError(f"No such command {name!r}. Did you mean {found}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        specs = self.plugins.commands().values()
        with formatter.section("Commands"):
            formatter.write_dl([(spec.name, spec.summary) for spec in specs])
        for plugin in self.plugins.broken():
            say(f"Warning: the {plugin.entry.name!r} plugin ({plugin.entry}) is broken: {plugin.error}.")
        if self.plugins.leftover:
            say(
                f"Warning: the retired distribution hca {self.plugins.leftover} is installed beside this one; removing "
                "it will remove files of ours: uninstall hca, then install hca-core again."
            )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from hca_core.cli.groups import completions

        return completions(self, self.plugins.commands().values(), ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        as_json = ctx.params.get("output") in ("json", "jsonl")
        try:
            return self._invoke(ctx)
        except Failure as failure:
            failure.as_json = as_json
            raise
        except click.UsageError as error:
            if not as_json:
                raise
            hint = f"Try `{error.ctx.command_path} --help`." if error.ctx else None
            message = " ".join(error.format_message().split())  # click lists choices line by line
            raise Failure(message, hint=hint, exit_code=error.exit_code, as_json=True) from error

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.option_name not in (name for option in self.params for name in option.opts):
                raise
            where = f"{ctx.command_path} {error.option_name}"
            raise click.UsageError(f"{error.option_name} belongs before the command: `{where} …`.", error.ctx) from None
        except HcaError as error:
            if ctx.params.get("debug"):
                _show_traceback()
            # Who raises an error has taken secrets out of it; this is the net for what slips through.
            from hca_core.redact import redact

            raise Failure(redact(error.message), hint=error.hint, exit_code=error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Failure("Interrupted.", exit_code=130) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                raise Failure(_os_sentence(error)) from error
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise _bug(error) from error


def _os_sentence(error: OSError) -> str:
    what = f"{error.filename}: " if error.filename else ""
    return f"{what}{error.strerror or error}."


def _show_traceback() -> None:
    import traceback

    from hca_core.redact import redact

    say(redact(traceback.format_exc()))


def _bug(error: BaseException) -> Failure:
    """Write the traceback to a private file and return words that point to it."""
    import time
    import traceback

    from hca_core.paths import atomic_write, state_dir
    from hca_core.redact import redact

    file = state_dir() / "logs" / f"failure-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    try:
        atomic_write(file, redact("".join(traceback.format_exception(error))))
        where = f"Details are in {file}; please send it to the developers."
    except OSError:
        where = "Run the command again with --debug to see where."
    return Failure(f"Something went wrong inside hca: {type(error).__name__}: {error}", hint=where)


def _start_settings(plugins: Plugins) -> None:
    """Make the user's settings file, as the documentation promises of `hca` alone; if that fails, nothing is lost."""
    from contextlib import suppress

    from hca_core.app import App

    with suppress(HcaError, OSError):
        App(plugins=plugins).settings.init_user()


def _version() -> str:
    machine = f"{os.uname().sysname} {os.uname().machine}" if hasattr(os, "uname") else sys.platform
    return f"hca {__version__}, Python {sys.version.split()[0]}, {machine}"


@click.group(
    "hca",
    cls=RootGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(message=_version(), version=__version__)
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS, case_sensitive=False),
    metavar=f"[{'|'.join(LOG_LEVELS)}]",
    help="How much to log on stderr.  [default: INFO]",
)
@click.option("--debug", is_flag=True, help="Log everything, and show where a failure comes from.")
@click.option("--profile", metavar="NAME", help="Use the settings profile NAME (also: HCA_PROFILE).")
@click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "plain", "none"]),
    default="auto",
    show_default=True,
    help="How to show the progress of transfers on stderr.",
)
@click.option(
    "--output",
    type=click.Choice(FORMATS),
    help="How to print data on stdout; failures, too, when it is json or jsonl.  [default: json]",
)
@click.option(
    "--query",
    metavar="JMESPATH",
    callback=lambda _ctx, _option, value: compile_query(value) if value else None,
    help="Print only this part of the data.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but data and failures.")
@click.pass_context
def hca(ctx: click.Context, /, log_level: str | None, debug: bool, profile: str | None, **shown: Any) -> None:
    """Move sequencing data between shared stores and your own machine.

    Run `hca COMMAND --help` to see what a command does.
    """
    plugins = cast(RootGroup, ctx.command).plugins
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        _start_settings(plugins)
        return

    def make_app() -> Any:
        from hca_core.app import App

        def start_log(settings: Settings) -> None:
            from hca_core.cli import log

            packages = {plugin.entry.package for plugin in plugins.all}
            level = log_level or ("ERROR" if context.quiet else chosen_level(settings))
            ctx.call_on_close(log.start(context.tell, level.upper(), debug=debug, packages=packages))

        def chosen_level(settings: Settings) -> str:
            try:
                return str(settings.value("log_level"))
            except ConfigError as error:  # which `hca config` must be able to put right
                context.say(f"Warning: {error.message}")
                return "INFO"

        return App(
            profile=profile,
            plugins=plugins,
            on_wait=lambda seconds, reason: context.say(f"Waiting {seconds:.0f} s: {reason}"),
            on_settings=start_log,
        )

    ctx.obj = context = Context(
        make_app,
        progress_style=shown["progress"],
        form=shown["output"],
        query=shown["query"],
        quiet=shown["quiet"],
    )
    ctx.call_on_close(context.close)


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def help_command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of hca, or of COMMAND."""
    hca.main([*words, "--help"], prog_name=ctx.find_root().info_name)


def main(arguments: list[str] | None = None) -> None:
    """Run `hca` with the arguments of this process, and exit."""
    hca.main(arguments, prog_name="hca")
