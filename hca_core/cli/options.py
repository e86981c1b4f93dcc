"""Turns parameters into command line options, and the words a user types into values."""

from __future__ import annotations

import json
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from hca_core.cli.output import clean
from hca_core.openapi.model import Parameter
from hca_core.openapi.values import coerce

__all__ = ["content", "make_option", "regroup", "word_kinds"]

_METAVARS = {"array": "JSON...", "boolean": "[true|false]", "integer": "INTEGER", "number": "NUMBER", "object": "JSON"}
_JSON_NOTE = "JSON, @FILE with JSON, or - for standard input."
_HIDING_NOTE = "Better @FILE or - for standard input: others on this machine can see what is on the command line."
_ARRAY_NOTE = "One or more values, JSON lists, @FILE with JSON, or - for standard input."


def make_option(parameter: Parameter, *, required: bool) -> click.Option:
    """Return the option for `parameter`; a value given to it arrives typed, a missing one as None."""
    return click.Option(
        [parameter.option, parameter.python_name],
        required=required,
        multiple=parameter.type == "array",
        type=click.Choice([str(choice) for choice in parameter.enum]) if _has_choices(parameter) else str,
        metavar=None if _has_choices(parameter) else _METAVARS.get(parameter.type, "TEXT"),
        help=_help(parameter),
        callback=_reader(parameter),
    )


def _has_choices(parameter: Parameter) -> bool:
    return bool(parameter.enum) and parameter.type != "array"


def _help(parameter: Parameter) -> str:
    notes = [parameter.description.strip()]
    if parameter.type == "array":
        notes.append(_ARRAY_NOTE)
    if parameter.type == "object":
        notes.append(_JSON_NOTE)
    if _is_secret(parameter):
        notes.append(_HIDING_NOTE)
    if parameter.type == "boolean":
        notes.append(f"Also as a flag: {parameter.option} or {_negation(parameter)}.")
    if parameter.default is not None:
        notes.append(f"[default: {json.dumps(parameter.default).strip(chr(34))}]")
    return clean(" ".join(filter(None, notes)))


def _reader(parameter: Parameter) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """The callback that makes a value of an option's words."""
    read = _reading(parameter)

    def callback(ctx: click.Context, option: click.Parameter, words: Any) -> Any:
        if words is None or words == ():
            return None
        try:
            return coerce(parameter, read(words))
        except ValueError as error:
            raise click.BadParameter(f"{error}.", ctx, option) from None

    return callback


def _reading(parameter: Parameter) -> Callable[[Any], Any]:
    if parameter.type == "array":
        return partial(_read_array, parameter.item_type)
    return _read_secret if _is_secret(parameter) else _READERS[parameter.type]


def _is_secret(parameter: Parameter) -> bool:
    return parameter.type == "string" and parameter.schema.get("format") == "password"


def _read_secret(word: str) -> str:
    return content(word).rstrip("\r\n")


def _read_json(word: str) -> Any:
    return _parsed(content(word))


def _read_any(word: str) -> Any:
    """JSON where it is meant to be JSON, else the word itself."""
    return _read_json(word) if word == "-" or word.startswith(("@", "[", "{", '"')) else word


_READERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("boolean", "integer", "number", "string"), str),
    "any": _read_any,
    "object": _read_json,
}


def _read_array(item_type: str | None, words: Sequence[str]) -> list[Any]:
    """All items of all words: a word is an item, or a list of items."""
    read = _read_any if item_type in ("string", None) else _read_json
    collected: list[Any] = []
    for position, word in enumerate(words, 1):
        try:
            found = read(word)
        except ValueError as error:
            raise ValueError(f"word {position}: {error}") from None
        collected.extend(found if isinstance(found, list) else [found])
    return collected


def content(word: str) -> str:
    """Return what a word stands for: itself, the content of `@FILE`, or standard input for `-`.

    Raises:
        ValueError: there is no such file, or it is no UTF-8 text.
    """
    if word == "-":
        return _text(sys.stdin.buffer.read(), "standard input")
    if not word.startswith("@"):
        return word
    try:
        return _text(Path(word[1:]).read_bytes(), word[1:])
    except OSError as error:
        raise ValueError(f"cannot read {word[1:]!r}: {error.strerror}") from None


def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{source} is not UTF-8 text") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("not valid JSON: nested too deeply") from None


def _negation(parameter: Parameter) -> str:
    return f"--no-{parameter.option.removeprefix('--')}"


def word_kinds(parameters: Iterable[Parameter]) -> dict[str, str]:
    """Return for each option what follows it: `value`, `array` (one or more), `boolean` (perhaps one).

    `--no-x` of a boolean `--x` is `negation`, unless it is an option itself.
    """
    found = list(parameters)
    negations = {_negation(parameter): "negation" for parameter in found if parameter.type == "boolean"}
    own = {parameter.option: parameter.type for parameter in found}
    return {**negations, **{name: kind if kind in ("array", "boolean") else "value" for name, kind in own.items()}}


def regroup(words: Sequence[str], kinds: Mapping[str, str]) -> list[str]:
    """Return `words` so that each option has exactly one value, attached to it.

    `--files A B` becomes `--files=A --files=B`, `--directurls` becomes `--directurls=true`, `--no-directurls`
    becomes `--directurls=false`; everything else stays as it is.

    Raises:
        click.BadOptionUsage: an array option is followed by no value.
    """
    rest = deque(words)
    result: list[str] = []
    while rest:
        word = rest.popleft()
        name, attached, value = word.partition("=")
        kind = kinds.get(name, "flag")
        values = [value] if attached else []
        if word == "--":
            return [*result, word, *rest]
        if kind == "negation" and not attached:
            name, values = f"--{name.removeprefix('--no-')}", ["false"]
        elif kind == "boolean" and not attached:
            values = [rest.popleft()] if rest and _is_value(rest[0]) else ["true"]
        elif kind == "value" and not attached and rest:
            values = [rest.popleft()]
        elif kind == "array":
            while rest and _is_value(rest[0]):
                values.append(rest.popleft())
            if not values:
                raise click.BadOptionUsage(name, f"Option {name!r} requires an argument.")
        result.extend([f"{name}={value}" for value in values] or [word])
    return result


def _is_value(word: str) -> bool:
    """Whether a word is a value rather than an option; `-` is standard input, `-5` a number."""
    return word == "-" or not word.startswith("-") or bool(re.match(r"-\d", word))
