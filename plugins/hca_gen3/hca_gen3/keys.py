"""API keys of Gen3 commons, and the files in which users keep them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hca_core import paths
from hca_core.credentials import claims
from hca_core.credentials.token_endpoint import is_token
from hca_core.errors import AuthError, ConfigError
from hca_core.hosts import keeps_secrets
from hca_core.redact import readable
from hca_core.settings.files import read_object
from hca_gen3.errors import KeyFileError, UsageError

__all__ = ["DEFAULT_NAME", "ApiKey", "issuing_commons", "locate", "origin", "parse", "read"]

log = logging.getLogger(__name__)

DEFAULT_NAME = "credentials"
_USUAL_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class ApiKey:
    """An API key: a JSON Web Token that is good for access tokens. `source` is where the user keeps it."""

    secret: str = field(repr=False)
    source: str

    @property
    def commons(self) -> str:
        """The only address that the key may be sent to: that of the commons that gave it out.

        Raises:
            AuthError: the key does not say who gave it out, or others could read it on the way there.
        """
        return issuing_commons(self.secret, f"the API key in {self.source}")


def issuing_commons(token: str, name: str) -> str:
    """Return the address of the commons that gave out a token, which messages call `name`.

    Raises:
        AuthError: the token does not say, or others could read it on the way there.
    """
    issuer = claims.issuer(token)
    try:
        return origin(issuer or "")
    except ValueError:
        said = f"says that it is from {readable(issuer, 100)!r}" if issuer else "does not say which commons it is from"
        raise AuthError(
            f"{name[0].upper()}{name[1:]} cannot be used: it {said}.",
            service="gen3",
            hint="Create a new API key on the profile page of your commons.",
        ) from None


def origin(url: str) -> str:
    """Return scheme, host and port of an address to which secrets may be sent, in one spelling.

    Raises:
        UsageError: it is none: it has no host, or others could read what is sent there.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise _no_address(url) from None
    if not host or not keeps_secrets(url):
        raise _no_address(url)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port in (None, _USUAL_PORTS[scheme]) else f"{scheme}://{shown}:{port}"


def locate(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return the file that a user calls `name`; None if there is none.

    It is a path, or the name of a file here or in ~/.gen3; there it may lack its `.json`.
    """
    places = [Path(name).expanduser()]
    if not {"/", "\\"} & set(name):
        folder = Path(environ.get("HOME") or Path.home()) / ".gen3"
        places += [folder / name, folder / f"{name}.json"]
    return next((place for place in places if place.is_file()), None)


def read(file: Path) -> ApiKey:
    """Return the key in a file as the profile page of a commons gives it out.

    Others being able to read it is only warned of: browsers save files that way.

    Raises:
        KeyFileError: the file cannot be read, or is something else.
    """
    try:
        data = read_object(file)
    except ConfigError as error:
        # The parser's error, which is the cause of this one, holds the whole file.
        raise _unusable(str(file), error.message.rstrip(".")) from None
    if data is None:
        raise _unusable(str(file), "it does not exist")
    try:
        paths.check_private(file)
    except ConfigError as error:
        log.warning("%s %s", error.message, error.hint)
    return _key(data, str(file))


def parse(value: Any, source: str) -> ApiKey:
    """Return the key in what a program was given: the content of a key file, parsed or as text, or the key alone.

    Raises:
        KeyFileError: it is something else.
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _unusable(source, "it is not JSON") from None
    return _key({"api_key": value} if isinstance(value, str) else value, source)


def _no_address(url: str) -> UsageError:
    sentence = f"{readable(url, 100)!r} cannot be the address of a Gen3 commons: it must be https://HOST."
    return UsageError(sentence, parameter="endpoint")


def _key(data: Any, source: str) -> ApiKey:
    secret = data.get("api_key") if isinstance(data, Mapping) else None
    secret = secret.strip() if isinstance(secret, str) else None
    if not is_token(secret):
        raise _unusable(source, "it has no api_key" if not secret else "its api_key is not one")
    return ApiKey(secret, source)


def _unusable(source: str, why: str) -> KeyFileError:
    return KeyFileError(
        f"{source} cannot be used as a Gen3 API key: {why}.",
        file=source,
        hint="Create an API key on the profile page of your commons, and save the credentials.json it offers.",
    )
