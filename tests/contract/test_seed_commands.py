"""Every documented command and option exists as documented; all that is ours besides is listed here, with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import click
import pytest
from documented_interface import COMMANDS

from hca import HCAConfig
from hca_core.cli.root import hca
from hca_core.testing import run

Tree = dict[str, dict[str, dict[str, Any]]]

# (command, option, what is different) -> why. Shell patterns; each must be needed.
DEPARTURES = {
    ("hca", "--log-level", "default"): "the setting log_level decides if it is not given; that is INFO",
    ("hca * login", "--access-token", "default"): "an empty token is refused; it must not open a browser in a script",
    ("hca dss *load*", "--replica", "choices"): "a wrong replica is refused at once, not after a request",
    ("hca dss download-manifest", "--layout", "choices"): "documented in words",
    ("hca dss patch-*", "--add-*", "multiple"): "takes several values or lists, as --files and --contents do",
    ("hca dss patch-*", "--remove-*", "multiple"): "as above",
    ("hca auth *", "--action", "choices"): "a wrong word is refused at once, and the right ones are named",
    ("hca auth *", "--status", "choices"): "as above",
    ("hca auth *", "--resource-type", "choices"): "as above",
    ("hca auth *", "--groups", "multiple"): "takes several values or lists, as --action and --resource do",
    ("hca auth *", "--roles", "multiple"): "as above",
    ("hca auth *", "--users", "multiple"): "as above",
}

# Command -> why it was added. What is below it needs no further reason.
ADDED_COMMANDS = {
    "hca auth-status": "shows which credentials would be used, without showing them",
    "hca auth status": "who is logged in, and until when",
    "hca auth token": "the token, for other programs such as curl",
    "hca config": "reads and writes settings without an editor",
    "hca dev": "for developers of programs and plugins",
    "hca dss verify": "compares downloaded files with their manifest",
    "hca * refresh-swagger": "the tutorials use it, the command list lacks it",
    "hca gen3": "what is documented of it is a Python library",
    "hca local": "the services on this machine",
    "hca plugins": "shows what is installed",
}

# (command, option) -> why it was added.
ADDED_OPTIONS = {
    ("hca", "--debug"): "shows where a failure comes from",
    ("hca", "--profile"): "several deployments in one configuration",
    ("hca", "--progress"): "plain progress for logs",
    ("hca", "--output"): "data as table, lines or text",
    ("hca", "--query"): "a part of the data",
    ("hca", "--quiet"): "nothing but data and failures",
    ("hca help", "words"): "help of a command, too",
    ("hca * login", "--no-browser"): "the address is enough where a browser cannot be opened",
    ("hca * login", "--timeout"): "how long to wait for the browser",
    ("hca dss get-file", "--output-file"): "a whole file or none; a shell's > leaves half of one",
    ("hca auth post-oauth-token", "--*"): "the fields of its form, which the original had no way to send",
    ("hca auth *", "--output-file"): "as above, where the answer is not JSON",
    ("hca dss upload", "--jobs"): "how many files at a time",
    ("hca dss upload", "--dry-run"): "what would be done",
    ("hca dss upload", "--report"): "a line about each file, for programs",
    ("hca dss download*", "--jobs"): "how many files at a time",
    ("hca dss download*", "--limit-rate"): "leaves room on a shared line",
    ("hca dss download*", "--dry-run"): "what would be done",
    ("hca dss download*", "--existing"): "what to do with files that are there",
    ("hca dss download*", "--report"): "a line about each file, for programs",
    ("hca dss download*", "--fail-fast"): "stops at the first failure",
    ("hca dss download-manifest", "--executor"): "other machines may do it",
    ("hca dss download-manifest", "--scheduler"): "where these machines are asked",
    ("hca dss download-collection", "--num-retries"): "as the other downloads",
    ("hca dss download-collection", "--min-delay-seconds"): "as the other downloads",
    ("hca upload *", "--area"): "two terminals need not share the selected area",
    ("hca upload status", "--wait"): "waits for the checks of the service",
    ("hca upload status", "--timeout"): "how long to wait for them",
    ("hca upload files", "--dcp-type"): "the original's Python method takes it, and ignores it",
    ("hca upload files", "--jobs"): "how many files at a time",
    ("hca upload files", "--dry-run"): "what would be done",
    ("hca upload files", "--report"): "a line about each file, for programs",
}

SPECIAL = ("required", "flag", "multiple", "choices", "default", "short")


@cache
def real_tree() -> Tree:
    return {
        words: {option_name(param): described(param) for param in command.params} for words, command in walk("hca", hca)
    }


def walk(
    words: str, command: click.Command, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it."""
    with click.Context(command, info_name=words.rpartition(" ")[2], parent=parent) as ctx:
        yield words, command
        for name in command.list_commands(ctx) if isinstance(command, click.Group) else ():
            found = command.get_command(ctx, name)
            assert found is not None
            yield from walk(f"{words} {name}", found, ctx)


def option_name(param: click.Parameter) -> str:
    return max(param.opts, key=len)


def described(param: click.Parameter) -> dict[str, Any]:
    """What is special about an option, in the words of the documented tree."""
    values = param.to_info_dict()
    short = [name for name in param.opts if not name.startswith("--")] if isinstance(param, click.Option) else []
    found = {
        "required": param.required,
        "flag": bool(values.get("is_flag")),
        "multiple": bool(values.get("multiple")) or param.nargs == -1,
        "choices": list(param.type.choices) if isinstance(param.type, click.Choice) else None,
        "default": list(values["default"]) if isinstance(values["default"], tuple) else values["default"],
        "short": short[0] if short else None,
    }
    return {name: value for name, value in found.items() if value not in (False, None)}


def matching(table: Mapping[Any, str], *words: str) -> list[Any]:
    """The keys of a table that match these words."""
    keys = [(key, key if isinstance(key, tuple) else (key,)) for key in table]
    return [key for key, patterns in keys if all(map(fnmatchcase, words, patterns))]


def is_below_an_addition(command: str) -> bool:
    words = command.split()
    return any(matching(ADDED_COMMANDS, " ".join(words[:count])) for count in range(2, len(words) + 1))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_as_documented(command: str) -> None:
    assert command in real_tree(), f"{command} is documented and does not exist"
    found = real_tree()[command]
    for option, special in COMMANDS[command].items():
        assert option in found, f"{command} {option} is documented and does not exist"
        for field in SPECIAL:
            same = special.get(field) == found[option].get(field)
            departs = matching(DEPARTURES, command, option, field)
            assert same or departs, f"{command} {option}: {field} is {found[option].get(field)!r}"


def test_nothing_was_added_in_silence() -> None:
    commands = [command for command in real_tree().keys() - COMMANDS.keys() if not is_below_an_addition(command)]
    options = [
        (command, option)
        for command in real_tree().keys() & COMMANDS.keys()
        for option in real_tree()[command].keys() - COMMANDS[command].keys()
        if not matching(ADDED_OPTIONS, command, option)
    ]
    assert (commands, options) == ([], []), "neither documented nor listed here"


def test_every_reason_is_needed() -> None:
    added = [(command, option) for command, options in real_tree().items() for option in options]
    different = [
        (command, option, field)
        for command, options in COMMANDS.items()
        for option, special in options.items()
        for field in SPECIAL
        if option in real_tree().get(command, {}) and special.get(field) != real_tree()[command][option].get(field)
    ]
    undocumented = [(command, option) for command, option in added if option not in COMMANDS.get(command, {})]
    needed = {key for words in different for key in matching(DEPARTURES, *words)}
    needed |= {key for words in undocumented for key in matching(ADDED_OPTIONS, *words)}
    needed |= {key for command in real_tree().keys() - COMMANDS.keys() for key in matching(ADDED_COMMANDS, command)}
    assert {*DEPARTURES, *ADDED_OPTIONS, *ADDED_COMMANDS} - needed == set()


def test_every_command_explains_itself_on_h() -> None:
    root = click.Context(hca, **hca.context_settings)
    for words, command in walk("hca", hca):
        assert click.Context(command, parent=root).help_option_names == ["-h", "--help"], words


def test_the_documented_log_level_is_the_default() -> None:
    assert HCAConfig().get("log_level") == COMMANDS["hca"]["--log-level"]["default"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("delete-bundle", "`hca dss delete-bundle`"),
        ("refresh-swagger", "`hca auth refresh-swagger` or `hca dss refresh-swagger`"),
        ("dsss", "`hca dss`"),
    ],
)
def test_titles_of_the_documentation_and_near_misses_lead_to_the_command(word: str, meant: str) -> None:
    ended = run(word, "--uuid", "u")
    assert (ended.code, ended.stdout) == (2, "")
    assert f"Error: No such command '{word}'. Did you mean {meant}" in ended.stderr


def test_nothing_is_guessed_without_a_reason() -> None:
    assert "Did you mean" not in run("quux").stderr
