"""The web addresses of a Gen3 commons, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hca_core.errors import ApiError, ArgumentError, AuthError, NotFoundError
from hca_core.redact import readable, redact

if TYPE_CHECKING:
    from requests import Response

    from hca_core.http import Session
    from hca_gen3.auth import Auth

__all__ = ["Commons", "check_project", "field", "names", "parsed", "redacted", "segment"]

_MOST = 1000  # characters of an answer that an error keeps


class Commons:
    """Sends requests to the submission service and the dictionary of the commons that `auth` is for."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth

    @cached_property
    def session(self) -> Session:
        """The session that all requests go through."""
        return self.auth.session()

    def url(self, *parts: str) -> str:
        """Return the address below the submission service that `parts` lead to; each is escaped."""
        return "/".join([f"{self.auth.endpoint}/api/v0/submission", *map(segment, parts)])

    def send(self, method: str, url: str, *, secured: bool = True, **options: Any) -> Response:
        """Return the answer to a request; `options` are those of `Session.send`.

        Raises:
            ApiError, NotFoundError, AuthError: the commons refuses the request.
            NetworkError: no usable answer came.
        """
        try:
            return self.session.send(method, url, secured=secured, **options)
        except AuthError as error:
            error.service = error.service or "gen3"
            raise

    def programs(self) -> list[str]:
        """Return the names of the programs that the user may see, in the order of the commons."""
        return names(self._json(f"{self.url()}/"))

    def projects(self, program: str) -> list[str]:
        """Return the names of the projects of a program.

        Raises:
            NotFoundError: there is no such program.
        """
        return names(self._json(self.url(program)))

    def dictionary(self) -> dict[str, Mapping[str, Any]]:
        """Return the schemas of all node types by name; asks for no login."""
        found = self._json(self.url("_dictionary", "_all"), secured=False)
        if not isinstance(found, Mapping):
            raise _misshapen(self.url("_dictionary", "_all"), found)
        return {name: schema for name, schema in found.items() if not name.startswith("_") and _is_node(schema)}

    def schema(self, node: str) -> Mapping[str, Any]:
        """Return the schema of a node type; asks for no login.

        Raises:
            NotFoundError: the dictionary has no such type.
        """
        url = self.url("_dictionary", node)
        found = self._json(url, secured=False)
        if not _is_node(found):
            raise _misshapen(url, found)
        return dict(found)

    def _json(self, url: str, *, secured: bool = True) -> Any:
        return parsed(self.send("GET", url, secured=secured))


def _is_node(schema: Any) -> bool:
    return isinstance(schema, Mapping) and isinstance(schema.get("properties"), Mapping)


def segment(name: str) -> str:
    """Return a name as one part of an address.

    Raises:
        ArgumentError: it is empty, or dots that would lead elsewhere.
    """
    if not isinstance(name, str) or name.strip(".") == "":
        raise ArgumentError(f"{name!r} is not the name of a program, project or node.")
    return quote(name, safe="")


def check_project(commons: Commons, program: str, project: str) -> None:
    """Make sure that a project exists, which an empty answer about it does not tell.

    Raises:
        NotFoundError: the program or the project does not exist, or the user may not see it.
    """
    known = commons.projects(program)
    if project in known:
        return
    url = commons.url(program)
    raise NotFoundError(
        f"The program {program} has no project {project}, or you may not see it.",
        status=404,
        url=url,
        hint=f"Its projects: {readable(', '.join(known))}." if known else "It has no projects that you may see.",
    )


def parsed(response: Response) -> Any:
    """Return the JSON of an answer.

    Raises:
        ApiError: it is something else, for example the page of a proxy.
    """
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        kind = readable(response.headers.get("Content-Type", "something of no type"), 100)
        problem = f"JSON that cannot be read: {_problem(error)}" if "json" in kind.lower() else f"not JSON but {kind}"
        raise ApiError(
            f"The answer of {response.url.partition('?')[0]} is {problem}.",
            status=response.status_code,
            url=response.url,
            details=redact(response.text)[:_MOST],
            hint="Is the endpoint that of a Gen3 commons?",
        ) from None


def _problem(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return "it is not UTF-8 text" if isinstance(error, UnicodeError) else "a number in it has too many digits"


def redacted(document: Any) -> Any:
    """Return an answer without secrets, for an error to keep; None if they cannot be told from the rest."""
    try:
        return json.loads(redact(json.dumps(document, default=str)))
    except (ValueError, RecursionError):
        return None


def field(document: Any, name: str, kind: type, url: str) -> Any:
    """Return the value that an answer has under a name.

    Raises:
        ApiError: it has none, or one of another kind.
    """
    found = document.get(name) if isinstance(document, Mapping) else None
    if not isinstance(found, kind):
        raise _misshapen(url, document)
    return found


def names(document: Any) -> list[str]:
    """Return the last parts of the addresses that an answer lists; older commons end them with a slash."""
    links = field(document, "links", list, "the list of programs or projects")
    if not all(isinstance(link, str) for link in links):
        raise _misshapen("the list of programs or projects", links)
    return [name for link in links if (name := link.rstrip("/").rpartition("/")[2])]


def _misshapen(url: str, document: Any) -> ApiError:
    shown = redact(json.dumps(document, default=str))[:_MOST]
    return ApiError(f"The answer of {url} is not what a Gen3 commons says.", status=200, url=url, details=shown)
