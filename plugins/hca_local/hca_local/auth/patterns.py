"""Texts of policies: `*` and `?` stand for other characters, `${key}` for what is known about a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum

__all__ = ["Context", "Patterns", "Token", "UnknownKey", "Wild", "check_variables", "literal", "plain", "tokens"]

Context = Mapping[str, str | Sequence[str]]  # keys in lower case
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_KEY = re.compile(r"[A-Za-z0-9_.:/@-]+")
_ITSELF = frozenset("*?$")  # `${*}` is a star


class Wild(Enum):
    """What stands for other characters."""

    ONE = "?"
    MANY = "*"


Token = str | Wild
_WILD = {wild.value: wild for wild in Wild}


class UnknownKey(LookupError):
    """Nothing is known about a key, or it has more than one value."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def check_variables(text: str) -> None:
    """Refuse a text in which a `${` begins no variable.

    Raises:
        ValueError: it says which one.
    """
    fixed = _VARIABLE.split(text)
    for key in fixed[1::2]:
        if not _KEY.fullmatch(key) and key not in _ITSELF:
            raise ValueError(f"{'${' + key[:100] + '}'!r} is no variable")
    if any("${" in piece for piece in fixed[::2]):
        raise ValueError(f"{text[:100]!r} has a `${{` that begins no variable")


def plain(text: str) -> Iterator[Token]:
    """Yield the tokens of a text without variables."""
    return (_WILD.get(character, character) for character in text)


def tokens(text: str, context: Context) -> Iterator[Token]:
    """Yield the tokens of a text; the values of its variables stand for themselves, whatever is in them.

    Raises:
        UnknownKey: the context does not have the one value of a variable.
    """
    for number, piece in enumerate(_VARIABLE.split(text)):
        yield from _value(piece, context) if number % 2 else plain(piece)


def literal(text: str, context: Context) -> str:
    """Return a text with the values of its variables; stars stand for themselves.

    Raises:
        UnknownKey: the context does not have the one value of a variable.
    """
    return _VARIABLE.sub(lambda found: _value(found[1], context), text)


def _value(key: str, context: Context) -> str:
    value = key if key in _ITSELF else context.get(key.lower())
    if not isinstance(value, str):
        raise UnknownKey(key)
    return value


class Patterns:
    """Some patterns, each a row of tokens, of which a text may have any.

    They are followed all at once: bit n of a state says that the tokens before the n-th have been seen. So the time
    is that of going over the text once, whatever the patterns are.
    """

    def __init__(self, patterns: Iterable[Iterable[Token]]) -> None:
        self._start = self._loops = self._anything = self._ends = 0
        self._accepts: dict[str, int] = {}
        bit = 1
        for pattern in patterns:
            self._start |= bit
            for token in pattern:
                if token is Wild.MANY:
                    self._loops |= bit
                    continue
                self._accept(token, bit)
                bit <<= 1
            self._ends |= bit
            bit <<= 1  # nothing leads from one pattern into the next

    def _accept(self, token: Token, bit: int) -> None:
        if isinstance(token, str):
            self._accepts[token] = self._accepts.get(token, 0) | bit
        else:
            self._anything |= bit

    def match(self, text: str) -> bool:
        """Return whether the whole of a text has one of the patterns."""
        state = self._start
        for character in text:
            moving = state & (self._accepts.get(character, 0) | self._anything)
            state = moving << 1 | state & self._loops
            if not state:
                return False
        return bool(state & self._ends)
