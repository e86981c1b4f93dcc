"""Who may do what in a local stack, by bearer token."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["OWNER", "User", "Users", "to_record"]


@dataclass(frozen=True)
class User:
    """Somebody with a token. `group` is what the DSS checks (`hca` may write); `admin` may delete bundles."""

    email: str
    group: str
    admin: bool = False


OWNER = User("owner@localhost", "hca", admin=True)


class Users:
    """Finds users by their tokens, of which it knows only the SHA-256."""

    def __init__(self, by_digest: Mapping[str, User]) -> None:
        self._by_digest = dict(by_digest)

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]]) -> Users:
        """Return the users that `to_record` made records of."""
        return cls({one["token_sha256"]: User(one["email"], one["group"], one["admin"]) for one in records})

    def from_token(self, token: str) -> User | None:
        """Return the user with this token, or None if nobody has it."""
        return self._by_digest.get(_digest(token))


def to_record(user: User, token: str) -> dict[str, Any]:
    """Return what is stored about a user and their token: JSON from which the token cannot be had."""
    return {**asdict(user), "token_sha256": _digest(token)}


def _digest(token: str) -> str:
    # A header may carry what is no text; it is nobody's token, but no reason to fail either.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
