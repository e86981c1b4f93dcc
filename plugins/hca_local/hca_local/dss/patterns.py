"""Tests whether a text has a pattern, in time that grows with its length only, whatever the pattern is."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["PatternError", "regexp_test", "wildcard_test"]

MAX_LENGTH = 1000  # characters of a regular expression
MAX_STATES = 2000  # of its machine, with its repetitions written out
MAX_DEPTH = 50

_COUNT = re.compile(r"\{([0-9]{1,4})(,([0-9]{1,4})?)?\}")
_COUNTS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_UNKNOWN = frozenset('"#@&<>~')  # what Lucene knows beyond the usual

TextTest = Callable[[str], bool]


class PatternError(ValueError):
    """A regular expression cannot be understood; the message says why."""


def wildcard_test(pattern: str) -> TextTest:
    """Return a test for a pattern with `*`, `?`, and backslash before characters that mean themselves."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    # fnmatch makes an expression that never goes back over what a star has taken.
    expression = re.compile(fnmatch.translate("".join(part if part in "*?" else f"[{part[-1]}]" for part in parts)))
    return lambda text: expression.fullmatch(text) is not None


def regexp_test(pattern: str) -> TextTest:
    """Return a test whether the whole of a text has a regular expression: `. [] () | ? * + {n,m}` and backslash.

    Raises:
        PatternError: it has other operators, is malformed, or too large.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"a regular expression has at most {MAX_LENGTH} characters")
    tree = _Parser(pattern).whole()
    machine = _Machine()
    start = machine.build(tree, machine.end)
    return lambda text: machine.accepts(start, text)


# ── what an expression is made of ──


@dataclass(frozen=True)
class _One:
    test: TextTest  # of a single character


@dataclass(frozen=True)
class _Sequence:
    parts: list[_Tree]


@dataclass(frozen=True)
class _Choice:
    options: list[_Tree]


@dataclass(frozen=True)
class _Repeat:
    part: _Tree
    least: int
    most: int | None


_Tree = _One | _Sequence | _Choice | _Repeat


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> _Tree:
        tree = self._choice()
        if self._at < len(self._text):
            raise self._error("a `)` has no `(`")
        return tree

    def _choice(self) -> _Tree:
        options = [self._sequence()]
        while self._skip("|"):
            options.append(self._sequence())
        return _Choice(options) if len(options) > 1 else options[0]

    def _sequence(self) -> _Tree:
        parts = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._piece()))
        return _Sequence(parts)

    def _repeated(self, part: _Tree) -> _Tree:
        if self._at == len(self._text):
            return part
        if self._text[self._at] in _COUNTS:
            self._at += 1
            return _Repeat(part, *_COUNTS[self._text[self._at - 1]])
        found = _COUNT.match(self._text, self._at)
        if found is None:
            return part
        self._at = found.end()
        least = int(found[1])
        most = least if found[2] is None else (int(found[3]) if found[3] else None)
        if most is not None and most < least:
            raise self._error(f"{found[0]} counts backwards")
        return _Repeat(part, least, most)

    def _piece(self) -> _Tree:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return _One(self._set())
        if character == ".":
            return _One(lambda _: True)
        if character in "?*+{":
            raise self._error(f"there is nothing that `{character}` could repeat")
        if character in _UNKNOWN:
            raise self._error(f"`{character}` is not supported; a backslash before it makes it a character")
        return _One((self._take() if character == "\\" else character).__eq__)

    def _group(self) -> _Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"it is nested more than {MAX_DEPTH} levels deep")
        tree = self._choice()
        if not self._skip(")"):
            raise self._error("a `(` has no `)`")
        self._depth -= 1
        return tree

    def _set(self) -> TextTest:
        """The characters between brackets: single ones, ranges, or all others after `^`."""
        negated = self._skip("^")
        ranges = [self._range()]
        while not self._skip("]"):
            ranges.append(self._range())
        return lambda character: any(low <= character <= high for low, high in ranges) != negated

    def _range(self) -> tuple[str, str]:
        low = high = self._member()
        if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 : self._at + 2] != "]":
            self._at += 1
            high = self._member()
        return low, high

    def _member(self) -> str:
        character = self._take()
        return self._take() if character == "\\" else character

    def _take(self) -> str:
        if self._at == len(self._text):
            raise self._error("it breaks off")
        self._at += 1
        return self._text[self._at - 1]

    def _skip(self, character: str) -> bool:
        found = self._text[self._at : self._at + 1] == character
        self._at += found
        return found

    def _error(self, reason: str) -> PatternError:
        return PatternError(f"{self._text[:100]!r} is no regular expression here: {reason}")


class _Machine:
    """States, each with moves to others: on a character that passes a test, or at once if the test is None.

    Following all moves at the same time, instead of trying one after the other, is what bounds the time.
    """

    def __init__(self) -> None:
        self._moves: list[list[tuple[TextTest | None, int]]] = []
        self.end = self._state()

    def build(self, tree: _Tree, after: int) -> int:
        """Add what leads to the state `after` by way of `tree`; return the state in which that begins."""
        if isinstance(tree, _One):
            return self._state((tree.test, after))
        if isinstance(tree, _Sequence):
            for part in reversed(tree.parts):
                after = self.build(part, after)
            return after
        if isinstance(tree, _Choice):
            return self._state(*((None, self.build(option, after)) for option in tree.options))
        return self._build_repeat(tree, after)

    def _build_repeat(self, tree: _Repeat, after: int) -> int:
        if tree.most is None:
            loop = self._state((None, after))
            self._moves[loop].append((None, self.build(tree.part, loop)))
            after = loop
        else:
            behind = after
            for _ in range(tree.most - tree.least):
                after = self._state((None, self.build(tree.part, after)), (None, behind))
        for _ in range(tree.least):
            after = self.build(tree.part, after)
        return after

    def accepts(self, start: int, text: str) -> bool:
        """Return whether all of `text` leads from `start` to the end."""
        states = self._reach([start])
        for character in text:
            moves = (move for state in states for move in self._moves[state])
            states = self._reach([target for test, target in moves if test and test(character)])
            if not states:
                return False
        return self.end in states

    def _reach(self, states: list[int]) -> set[int]:
        """These states and all that follow at once."""
        reached = set(states)
        todo = list(reached)
        while todo:
            following = {target for test, target in self._moves[todo.pop()] if test is None} - reached
            reached |= following
            todo += following
        return reached

    def _state(self, *moves: tuple[TextTest | None, int]) -> int:
        if len(self._moves) >= MAX_STATES:
            raise PatternError("the regular expression repeats too much")
        self._moves.append(list(moves))
        return len(self._moves) - 1
