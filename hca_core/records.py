"""What plugins return from their hooks: frozen descriptions, on which the core acts when the time comes.

A *target* is a dotted name `package.module:attribute`; it is imported when it is first used, so describing a command
costs nothing. The records are named tuples, because making frozen dataclasses takes four times as long, at every start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

__all__ = [
    "CommandSpec",
    "Credentials",
    "ExecutorSpec",
    "ObjectStoreSpec",
    "ProfileSpec",
    "ServiceSpec",
    "SettingSpec",
]


class CommandSpec(NamedTuple):
    """A command of the root group: `hca <name>`. `target` names a click command or group."""

    name: str
    summary: str
    target: str


class ServiceSpec(NamedTuple):
    """A web service, usually with an API description.

    `name` is the word used in commands and environment variables (`dss`); `client` is the target of its client
    class, whose class name is also its section in the settings (`DSSClient.swagger_url`); `description` is the
    bundled copy of the API description as `package:path/in/package.json`. `safe_posts` are the operation names
    of POST requests that may be repeated after a failure because they change nothing.

    A service without an API description has `address` instead: the target of a function of the `App` that returns
    the URL of the service, or None if the user has named none. Its section in the settings is its name. No token
    signed for a Google service account is ever sent to it.
    """

    name: str
    client: str
    title: str
    description_url: str = ""
    description: str = ""
    safe_posts: frozenset[str] = frozenset()
    address: str = ""

    @property
    def described(self) -> bool:
        """Whether there is an API description."""
        return bool(self.description_url)

    @property
    def section(self) -> str:
        """The service's section in the settings, for example `DSSClient`."""
        return self.client.rpartition(":")[2] if self.described else self.name


class SettingSpec(NamedTuple):
    """A setting: dotted `key`, its `default`, one sentence of `help`. Secret values are masked when shown.

    A value must be of the same kind as the default, or of `kind` (`text`, `integer`, `number`, `boolean`, `list`,
    `object`) where that is None. A number may have a `minimum`; a text may be one of some `choices`, in upper or lower
    case.
    """

    key: str
    default: Any
    help: str
    secret: bool = False
    kind: Literal["", "text", "integer", "number", "boolean", "list", "object"] = ""
    minimum: float | None = None
    choices: Sequence[str] = ()


class Credentials(NamedTuple):
    """A bearer token and where it came from. `expires_at` is seconds since 1970, or None if unknown.

    `subject` is whom it is for, preferably as an e-mail address; None if only the token can tell.
    """

    token: str
    source: str
    expires_at: float | None = None
    subject: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(source={self.source!r}, expires_at={self.expires_at!r})"


class ObjectStoreSpec(NamedTuple):
    """A kind of object store, by URL scheme (`s3`). `target` names a class `hca_core.transfer.objects.ObjectStore`."""

    scheme: str
    target: str


class ExecutorSpec(NamedTuple):
    """Workers that transfers can be given to, chosen by `--executor <name>`.

    `target` names a function of the settings and of the address that the user gave as `--scheduler` (or None), which
    returns a `concurrent.futures.Executor`; it is called again if that one breaks. What is submitted can be pickled.
    """

    name: str
    summary: str
    target: str


class ProfileSpec(NamedTuple):
    """A settings profile that a plugin offers.

    While it makes no sense, for example while a local stack is down, `values` is None: then choosing it fails, and
    `hint` says what to do first.
    """

    name: str
    summary: str
    values: Mapping[str, Any] | None
    hint: str | None = None
