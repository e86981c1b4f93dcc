"""What a commons says about records that were submitted to it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hca_core.errors import ApiError
from hca_core.redact import readable
from hca_gen3.commons import redacted

__all__ = ["Complaint", "Entity", "SubmissionError", "Transaction", "read_transaction"]

_MOST = 1000  # characters of a commons' words


class Complaint(NamedTuple):
    """Why a record is refused: `type` is a word such as `INVALID_LINK`, `keys` are the properties it is about."""

    message: str
    type: str = "ERROR"
    keys: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """Return the complaint as JSON data."""
        return {"type": self.type, "keys": list(self.keys), "message": self.message}


class Entity(NamedTuple):
    """One of the records, by its submitter_id as far as the commons tells it."""

    name: str
    complaints: tuple[Complaint, ...]


class Transaction(NamedTuple):
    """What became of records that were submitted together: all of them are accepted, or none."""

    accepted: bool
    created: int
    updated: int
    entities: tuple[Entity, ...]
    errors: tuple[str, ...]

    def blamed(self, names: Sequence[str]) -> dict[int, tuple[Complaint, ...]]:
        """Return which of the records called `names` are refused for themselves, by position, and why."""
        found: dict[int, tuple[Complaint, ...]] = {}
        for position, entity in enumerate(self.entities):
            same = [place for place, name in enumerate(names) if name and name == entity.name]
            if len(same) != 1:
                same = [position] if len(self.entities) == len(names) else []
            if same and entity.complaints:
                found[same[0]] = entity.complaints
        return found


class SubmissionError(ApiError):
    """A commons refuses records, and has written none of those that came with them.

    `document` is its whole answer, without secrets; `entities` are the refused ones with their errors, and
    `transactional_errors` what is wrong with all of them together.
    """

    def __init__(self, message: str, *, document: Mapping[str, Any], status: int, url: str | None = None) -> None:
        found = read_transaction(document, status=status, url=url or "")
        shown = redacted(document)
        super().__init__(message, status=status, details=shown, url=url)
        self.document: Mapping[str, Any] = shown or {}
        self.entities = [entity for entity in self.document.get("entities") or [] if _errors(entity)]
        self.transactional_errors = list(found.errors)


def read_transaction(document: Any, *, status: int, url: str) -> Transaction:
    """Return what a commons' answer to a submission says.

    Raises:
        ApiError: it is no such answer; the submission as a whole is refused, or the server is not a commons.
    """
    entities = document.get("entities") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(entities, list):
        said = document.get("message") if isinstance(document, Mapping) else None
        words = readable(said or "it does not say what became of the records", _MOST).rstrip(".")
        sentence = f"The commons refuses the submission: {words}."
        raise ApiError(sentence, status=status, details=redacted(document), url=url)
    wrong = document.get("transactional_errors") or []
    return Transaction(
        accepted=status < 400 and document.get("success") is True,
        created=_number(document.get("created_entity_count")),
        updated=_number(document.get("updated_entity_count")),
        entities=tuple(_entity(entity) for entity in entities),
        errors=tuple(_words(error) for error in (wrong if isinstance(wrong, list) else [wrong])),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _entity(entity: Any) -> Entity:
    complaints = tuple(_complaint(error) for error in _errors(entity))
    if not complaints and isinstance(entity, Mapping) and entity.get("valid") is False:
        complaints = (Complaint("The commons does not say why."),)
    return Entity(_name(entity), complaints)


def _errors(entity: Any) -> list[Any]:
    found = entity.get("errors") if isinstance(entity, Mapping) else None
    return found if isinstance(found, list) else []


def _name(entity: Any) -> str:
    keys = entity.get("unique_keys") if isinstance(entity, Mapping) else None
    named = [key for key in keys if isinstance(key, Mapping)] if isinstance(keys, list) else []
    return next((str(key[word]) for key in named for word in ("submitter_id", "code", "name") if key.get(word)), "")


def _complaint(error: Any) -> Complaint:
    if not isinstance(error, Mapping):
        return Complaint(_words(error))
    keys = error.get("keys")
    listed = keys if isinstance(keys, list) else [keys] if keys else []
    return Complaint(_words(error), readable(error.get("type") or "ERROR"), tuple(map(readable, listed)))


def _words(error: Any) -> str:
    said = error.get("message") if isinstance(error, Mapping) else error
    return readable(said or "The commons does not say why.", _MOST)
