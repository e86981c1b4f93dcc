"""`hca config`: show and change settings."""

from __future__ import annotations

import json
from typing import Any

import click

from hca_core.cli.context import Context, pass_context
from hca_core.errors import ConfigError
from hca_core.settings import Settings
from hca_core.settings.kinds import wanted_kind


@click.group("config")
def config() -> None:
    """Show and change settings."""


@config.command("list")
@click.option("--origin", is_flag=True, help="Also show which file or layer each value comes from.")
@pass_context
def list_settings(context: Context, origin: bool) -> None:
    """List all settings that hold now; secrets are hidden."""
    settings = context.app.settings
    _warn(context, settings.unknown())
    context.emit(listing(settings, origin=origin))


@config.command("get")
@click.argument("key")
@pass_context
def get_setting(context: Context, key: str) -> None:
    """Show the value of KEY, or of all settings below it; secrets are hidden."""
    context.emit(shown(context.app.settings, key))


@config.command("set")
@click.argument("key")
@click.argument("value")
@pass_context
def set_setting(context: Context, key: str, value: str) -> None:
    """Set KEY to VALUE in your own settings file.

    VALUE is JSON if it looks like JSON, and text otherwise. A secret is always text; better @FILE or - for standard
    input, because others on this machine can see what is on the command line.
    """
    settings = context.app.settings
    settings.set_user(key, typed(settings, key, value))
    if not settings.knows(key):
        _warn(context, {key: settings.nearest(key)})


@config.command("unset")
@click.argument("key")
@pass_context
def unset_setting(context: Context, key: str) -> None:
    """Remove KEY from your own settings file."""
    context.app.settings.unset_user(key)


@config.command("path")
@pass_context
def show_path(context: Context) -> None:
    """Show where your own settings file is, or would be."""
    context.emit(str(context.app.settings.user_file))


@config.command("init")
@pass_context
def init_file(context: Context) -> None:
    """Make your own settings file if there is none, and show where it is."""
    context.emit(str(context.app.settings.init_user()))


@config.command("validate")
@pass_context
def validate(context: Context) -> None:
    """Check all files, profiles and values; show which files were read."""
    settings = context.app.settings
    settings.check()
    unknown = settings.unknown()
    _warn(context, unknown)
    if unknown:
        raise ConfigError(f"No installed plugin knows {', '.join(unknown)}.", key=next(iter(unknown)))
    context.emit({"files": list(map(str, settings.files)), "profiles": settings.profile_names()})


def listing(settings: Settings, *, origin: bool = False) -> dict[str, Any]:
    """Return every setting as it may be shown, by key; with `origin`, also where it comes from."""
    if origin:
        return {entry.key: {"value": entry.shown, "origin": entry.origin} for entry in settings.entries()}
    return {entry.key: entry.shown for entry in settings.entries()}


def shown(settings: Settings, key: str) -> Any:
    """Return the value of `key` as it may be shown; of a section, an object of all its settings by key.

    Raises:
        ConfigError: nothing is known under this key.
    """
    values = listing(settings)
    if key in values:
        return values[key]
    below = {name: value for name, value in values.items() if name.startswith(f"{key}.")}
    if below:
        return below
    nearest = settings.nearest(key)
    hint = f"Did you mean {nearest}?" if nearest else "`hca config list` shows all settings."
    if key.startswith("profiles."):
        hint = "`hca --profile NAME config get KEY` shows what holds in a profile."
    raise ConfigError(f"There is no setting {key}.", key=key, hint=hint)


def typed(settings: Settings, key: str, text: str) -> Any:
    """Return what `text` from the command line means as the value of `key`.

    Raises:
        ConfigError: a secret is to be read from a file that cannot be read.
    """
    spec = settings.spec(key)
    if spec is not None and spec.secret:
        return _secret(key, text)
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, str) or spec is None or wanted_kind(spec) != "text":
        return value
    return None if value is None and spec.default is None else text


def _secret(key: str, word: str) -> str:
    from hca_core.cli.options import content

    try:
        return content(word).rstrip("\r\n")
    except ValueError as error:
        raise ConfigError(f"{key} was not set: {error}.", key=key) from None


def _warn(context: Context, unknown: dict[str, str | None]) -> None:
    for key, nearest in unknown.items():
        question = f" Did you mean {nearest}?" if nearest else ""
        context.say(f"Warning: no installed plugin knows the setting {key}.{question}")
