"""The operations on subscriptions: who wants to hear of which bundles, and where."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hca_core.paths import private_dir
from hca_local.database import Database
from hca_local.dss import expressions
from hca_local.dss.errors import bad_query, illegal, not_found
from hca_local.dss.query import QueryError, parse_query
from hca_local.dss.versions import format_version
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Handler

__all__ = ["Subscription", "Subscriptions"]

MOST = 100  # subscriptions of one user in one replica
MAX_SIZE = 64 * 1024  # characters of one subscription

_MIGRATIONS = (
    """
    CREATE TABLE subscriptions (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, replica TEXT NOT NULL,
        type TEXT NOT NULL, document TEXT NOT NULL, secret TEXT
    );
    CREATE INDEX owners ON subscriptions (owner, replica, type);
    """,
)
_COLUMNS = "SELECT type, document, secret FROM subscriptions"
_OWN = "owner = ? AND replica = ? AND type = ?"
_DEFAULTS: Mapping[str, Any] = {
    "method": "POST",
    "encoding": "application/json",
    "form_fields": {},
    "payload_form_field": "payload",
}
_BLANK = re.compile(r"[\x00-\x20\x7f]")
_KEY_ID = re.compile(r"[ !#-\[\]-~]+")  # what a quoted text in a header can have

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Subscription:
    """A wish to be told: `type` is elasticsearch or jmespath, `document` what its owner may see."""

    type: str
    document: Document
    secret: str | None = field(repr=False)

    @property
    def uuid(self) -> str:
        """What the subscription is called by."""
        return str(self.document["uuid"])

    @property
    def key_id(self) -> str:
        """What the secret is called by."""
        return str(self.document.get("hmac_key_id", f"hca-dss:{self.uuid}"))

    @property
    def attachments(self) -> dict[str, str]:
        """Expressions by name."""
        return {name: one["expression"] for name, one in self.document.get("attachments", {}).items()}


def _random_uuid() -> str:
    return str(uuid.uuid4())


class Subscriptions:
    """Handlers of `/subscriptions`, which keep what they know in `root`."""

    def __init__(self, root: Path, *, now: Callable[[], datetime], new_uuid: Callable[[], str] = _random_uuid) -> None:
        path = private_dir(root) / "subscriptions.sqlite"
        path.touch(mode=0o600)  # before the database writes secrets to it
        self._database = Database(path, _MIGRATIONS)
        self._now = now
        self._new_uuid = new_uuid

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {
            "put_subscription": self.put,
            "get_subscription": self.get,
            "delete_subscription": self.delete,
            "get_subscriptions": self.list,
        }

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        self._database.close()

    def all(self) -> Sequence[Subscription]:
        """Return the subscriptions of everybody, the oldest first."""
        with self._database.read() as db:
            return [_subscription(row) for row in db.execute(f"{_COLUMNS} ORDER BY id")]

    def find(self, uuid: str) -> Subscription | None:
        """Return a subscription, or None if there is none of this name any more."""
        with self._database.read() as db:
            row = db.execute(f"{_COLUMNS} WHERE uuid = ?", (uuid,)).fetchone()
        return None if row is None else _subscription(row)

    # ── operations ──

    def put(self, call: Call) -> Answer:
        """Register a subscription; its secret is not shown again."""
        _check(call.body, self._now())
        owner, replica = _email(call), call.arguments["replica"]
        given = {key: value for key, value in call.body.items() if key != "hmac_secret_key"}
        document = {"uuid": self._new_uuid(), "replica": replica, "owner": owner, **given}
        document |= {key: value for key, value in _DEFAULTS.items() if key not in given}
        secret, type = call.body.get("hmac_secret_key"), "elasticsearch" if "es_query" in given else "jmespath"
        with self._database.write() as db:
            _check_number(db, owner, replica)
            db.execute(
                "INSERT INTO subscriptions (uuid, owner, replica, type, document, secret) VALUES (?, ?, ?, ?, ?, ?)",
                (document["uuid"], owner, replica, type, json.dumps(document), secret),
            )
        return Answer(201, document)

    def get(self, call: Call) -> Answer:
        """Show a subscription of the user."""
        with self._database.read() as db:
            row = db.execute(f"{_COLUMNS} WHERE uuid = ? AND {_OWN}", _own(call, call.arguments["uuid"])).fetchone()
        if row is None:
            raise not_found("subscription", call.arguments["uuid"])
        return Answer(200, _subscription(row).document)

    def list(self, call: Call) -> Answer:
        """Show all subscriptions of the user, of one type and in one replica."""
        with self._database.read() as db:
            rows = db.execute(f"{_COLUMNS} WHERE {_OWN} ORDER BY id", _own(call)).fetchall()
        return Answer(200, {"subscriptions": [_subscription(row).document for row in rows]})

    def delete(self, call: Call) -> Answer:
        """End a subscription of the user."""
        with self._database.write() as db:
            query = f"DELETE FROM subscriptions WHERE uuid = ? AND {_OWN}"  # noqa: S608 - our own text
            if not db.execute(query, _own(call, call.arguments["uuid"])).rowcount:
                raise not_found("subscription", call.arguments["uuid"])
        return Answer(200, {"timeDeleted": format_version(self._now())})


def _own(call: Call, *before: str) -> tuple[str, ...]:
    return (*before, _email(call), call.arguments["replica"], call.arguments["subscription_type"])


def _email(call: Call) -> str:
    assert call.user is not None
    return call.user.email


def _subscription(row: tuple[str, str, str | None]) -> Subscription:
    return Subscription(row[0], json.loads(row[1]), row[2])


def _check_number(db: sqlite3.Connection, owner: str, replica: str) -> None:
    query = "SELECT count(*) FROM subscriptions WHERE owner = ? AND replica = ?"
    if db.execute(query, (owner, replica)).fetchone()[0] >= MOST:
        title = f"{owner} has {MOST} subscriptions in {replica} already; delete one first."
        raise Problem(406, "not_acceptable", title)


# ── what a subscription may be ──


def _check(body: Document, now: datetime) -> None:
    if len(json.dumps(body)) > MAX_SIZE:
        raise illegal(f"The subscription has more than {MAX_SIZE} characters.")
    _check_url(body["callback_url"])
    _check_query(body, now)
    _check_attachments(body.get("attachments", {}))
    _check_form(body)
    _check_key(body)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0 and not _BLANK.search(url)
    except ValueError:
        usable = False
    if not usable:
        raise illegal(f"callback_url: {url[:200]!r} is no address.")
    if "@" in parts.netloc:
        raise illegal("callback_url: a name and a password in it are not sent; sign notifications with a secret.")


def _check_query(body: Document, now: datetime) -> None:
    if "es_query" in body:
        if "jmespath_query" in body:
            raise illegal("A subscription has either an es_query or a jmespath_query.")
        try:
            parse_query(body["es_query"], now)
        except QueryError as error:
            raise bad_query(str(error)) from None
    elif "jmespath_query" in body:
        _check_expression(body["jmespath_query"], "jmespath_query", "invalid_jmespath")


def _check_attachments(attachments: Mapping[str, Mapping[str, str]]) -> None:
    for name, attachment in attachments.items():
        if name.startswith("_"):
            raise illegal(f"The attachment name {name[:100]!r} begins with `_`.", "invalid_attachment_name")
        _check_expression(attachment["expression"], f"The attachment {name[:100]!r}", "invalid_attachment_expression")


def _check_expression(expression: str, place: str, code: str) -> None:
    try:
        expressions.check(expression)
    except expressions.ExpressionError as error:
        raise illegal(f"{place}: {expression[:100]!r} is no JMESPath expression: {error}", code) from None


def _check_form(body: Document) -> None:
    name = body.get("payload_form_field", _DEFAULTS["payload_form_field"])
    if name in body.get("form_fields", {}):
        raise illegal(f"payload_form_field: the form has a field {name[:100]!r} already.")


def _check_key(body: Document) -> None:
    if body.get("hmac_secret_key") == "":
        raise illegal("hmac_secret_key: an empty secret is none.")
    if not _KEY_ID.fullmatch(body.get("hmac_key_id", "-")):
        raise illegal("hmac_key_id: it is empty, or has characters that a header cannot have.")
