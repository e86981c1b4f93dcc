"""Makes requests of the package `requests` carry a token, and sends them once more if it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hca_core.errors import AuthError
from hca_core.redact import readable
from hca_gen3.errors import UsageError
from hca_gen3.keys import origin
from hca_gen3.sources import Fixed

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from hca_gen3.auth import Auth

__all__ = ["authorize"]


def authorize(request: PreparedRequest, auth: Auth) -> PreparedRequest:
    """Put a token into a request to the commons, and see to its answer.

    Raises:
        AuthError: the request goes elsewhere, where the token must not be known; or there is no token.
    """
    if not _is_for(auth, request.url):
        raise AuthError(
            f"The token for {auth.endpoint} is not sent to {readable(request.url, 100)}.",
            service="gen3",
            hint="Requests to other hosts need no token of this commons, or one of their own.",
        )
    sent = auth.get_access_token()
    request.headers["Authorization"] = f"Bearer {sent}"
    repeatable, start = _repeatable(request.body), _position(request.body)

    def again(response: Response, **options: Any) -> Response:
        # This also sees the answers of hosts to which a redirect has led; requests has kept the token from those.
        refused = response.status_code == 401 and response.request.headers.get("Authorization") == f"Bearer {sent}"
        if not refused or not repeatable or isinstance(auth.source, Fixed) or not _is_for(auth, response.request.url):
            return response
        return _resent(response, auth.credentials(sent).token, start, options)

    request.register_hook("response", again)  # type: ignore[no-untyped-call]
    return request


def _is_for(auth: Auth, url: str | None) -> bool:
    try:
        return origin(url or "") == origin(auth.endpoint)
    except UsageError:
        return False


def _repeatable(body: Any) -> bool:
    return body is None or isinstance(body, (bytes, str)) or _position(body) is not None


def _position(body: Any) -> int | None:
    """Return where in a file the body begins; None if it is no file, or one that cannot go back."""
    try:
        return int(body.tell())
    except (AttributeError, OSError):
        return None


def _resent(response: Response, token: str, start: int | None, options: dict[str, Any]) -> Response:
    request = response.request.copy()
    if start is not None:
        file: Any = request.body
        file.seek(start)
    _ = response.content  # read to its end, a connection can be used again
    response.close()
    request.headers["Authorization"] = f"Bearer {token}"
    connection: Any = vars(response)["connection"]  # every adapter leaves itself there
    answer: Response = connection.send(request, **options)
    answer.history.append(response)
    answer.request = request
    return answer
