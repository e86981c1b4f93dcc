"""Reads API descriptions: bundled with a plugin, kept from an earlier fetch, or just arrived."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hca_core.errors import NetworkError, SpecError
from hca_core.paths import atomic_write

__all__ = ["DescriptionCache", "References", "bundled", "loads"]


WEEK = 7 * 86400

# Below these keys stand names, not keywords: a schema may well have a property called `default`.
_NAMED = frozenset(
    {
        *("$defs", "callbacks", "content", "definitions", "dependentSchemas", "headers", "parameters", "paths"),
        *("patternProperties", "properties", "requestBodies", "responses", "schemas", "securitySchemes"),
    }
)
# Below these keys stands data, in which `$ref` means nothing.
_DATA = frozenset({"const", "default", "enum", "example", "examples"})


def loads(text: str, source: str) -> dict[str, Any]:
    """Return the API description in `text`; `source` is where it came from, for the error message.

    Raises:
        SpecError: it is not a JSON object; the message has line and column.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"{source}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}.") from error
    except RecursionError as error:
        raise SpecError(f"{source}: nested too deeply.") from error
    if not isinstance(document, dict):
        raise SpecError(f"{source}: an API description is a JSON object, not {type(document).__name__}.")
    return document


def bundled(resource: str) -> dict[str, Any]:
    """Return the description that a package ships, `package:path/in/package.json`, without importing the package.

    Raises:
        SpecError: the package or the file does not exist, or is not a JSON object.
    """
    package, _, path = resource.partition(":")
    file = _package_folder(package) / path
    try:
        return loads(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise SpecError(f"The API description {resource} cannot be read: {error.strerror}.") from error


def _package_folder(package: str) -> Path:
    # Asking for the spec of `a.b` would import `a`, so only the first name is looked up.
    top, *rest = package.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise SpecError(
            f"The package {top!r}, which ships an API description, is not installed.",
            hint=f"Install {top.replace('_', '-')} from where hca-core came from.",
        )
    return Path(next(iter(spec.submodule_search_locations))).joinpath(*rest)


class References:
    """Replaces each `$ref` (or `pointer`) in parts of a document by what it refers to."""

    def __init__(self, document: Mapping[str, Any], *, pointer: str = "$ref") -> None:
        self._document = document
        self._pointer = pointer
        self._resolved: dict[str, Any] = {}

    def resolve(self, node: Any) -> Any:
        """Return a copy of `node` without references; keys next to a `$ref` override those of its target.

        Raises:
            SpecError: a reference leads outside of the document, to nothing, or in a circle.
        """
        return self._resolve(node, (), named=False)

    def _resolve(self, node: Any, trail: tuple[str, ...], named: bool) -> Any:
        if isinstance(node, list):
            return [self._resolve(item, trail, named=False) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get(self._pointer)
        if named or not isinstance(reference, str):
            return {key: self._value(key, value, trail, named) for key, value in node.items()}
        target = self._follow(reference, trail)
        if len(node) == 1 or not isinstance(target, dict):
            return target
        return {
            **target,
            **{key: self._value(key, value, trail, named) for key, value in node.items() if key != self._pointer},
        }

    def _value(self, key: str, value: Any, trail: tuple[str, ...], named: bool) -> Any:
        if not named and (key in _DATA or key.startswith("x-")):
            return value
        return self._resolve(value, trail, named=not named and key in _NAMED)

    def _follow(self, reference: str, trail: tuple[str, ...]) -> Any:
        if reference in trail:
            raise SpecError(f"The API description refers to itself in a circle: {' -> '.join((*trail, reference))}.")
        if reference not in self._resolved:
            target = self._target(reference)
            self._resolved[reference] = self._resolve(target, (*trail, reference), named=False)
        return self._resolved[reference]

    def _target(self, reference: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise SpecError(f"The API description refers to {reference!r}, which is outside of the document.")
        node: Any = self._document
        for part in unquote(reference).split("/")[1:]:
            try:
                node = node[int(part)] if isinstance(node, list) else node[part.replace("~1", "/").replace("~0", "~")]
            except (LookupError, TypeError, ValueError):
                raise SpecError(f"The API description refers to {reference!r}, which does not exist.") from None
        return node


class DescriptionCache:
    """Descriptions fetched from services, one file per URL in `folder`, fresh for `max_age_seconds`."""

    def __init__(self, folder: Path, max_age_seconds: float = WEEK, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._max_age = max_age_seconds
        self._clock = clock

    def load(self, url: str, fetch: Callable[[str], str]) -> dict[str, Any]:
        """Return the description at `url`: a fresh copy, else what `fetch(url)` returns, else an old copy.

        Raises:
            NetworkError: from `fetch`, when there is no copy at all.
            SpecError: what was fetched is no description; it is not kept.
        """
        kept = self._fresh(url)
        if kept is not None:
            return kept
        try:
            text = fetch(url)
        except NetworkError as error:
            kept = self.cached(url)
            if kept is None:
                raise
            _warn("%s Using the copy of %s from an earlier run.", error.message, url)
            return kept
        return self.store(url, text)

    def store(self, url: str, text: str, check: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
        """Keep `text` as the description at `url` and return it parsed; `check` may refuse it by raising.

        Raises:
            SpecError: it is no description; what was kept before stays.
        """
        document = loads(text, url)
        if check:
            check(document)
        try:
            atomic_write(self._file(url), text)
        except OSError as error:
            _warn("The description of %s is not kept: %s", url, error)
        return document

    def cached(self, url: str) -> dict[str, Any] | None:
        """Return the kept copy of the description at `url`, however old, or None."""
        file = self._file(url)
        try:
            return loads(file.read_text(encoding="utf-8"), str(file))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, SpecError) as error:
            _warn("The kept copy of %s cannot be used: %s", url, error)
            return None

    def is_empty(self) -> bool:
        """Tell whether no description has been kept."""
        return next(self.folder.glob("*.json"), None) is None

    def clear(self) -> None:
        """Remove all kept copies."""
        for file in self.folder.glob("*.json"):
            file.unlink(missing_ok=True)

    def _fresh(self, url: str) -> dict[str, Any] | None:
        try:
            age = self._clock() - self._file(url).stat().st_mtime
        except OSError:
            return None
        # A time stamp from the future says nothing about the age.
        return self.cached(url) if 0 <= age < self._max_age else None

    def _file(self, url: str) -> Path:
        import base64

        name = base64.urlsafe_b64encode(url.encode()).decode()
        if len(name) > 200:
            import hashlib  # takes longer to load than all else that is read here

            name = hashlib.sha256(url.encode()).hexdigest()
        return self.folder / f"{name}.json"


def _warn(message: str, *words: object) -> None:
    # Imported here because help, which never warns, would pay for it.
    import logging

    logging.getLogger(__name__).warning(message, *words)
