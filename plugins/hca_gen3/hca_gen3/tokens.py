"""Where access tokens come from: the token endpoints of a commons."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from hca_core.credentials import claims
from hca_core.credentials.application import BASIC, Application
from hca_core.credentials.status import iso
from hca_core.credentials.token_endpoint import Refusal, is_token, request
from hca_core.errors import ApiError, AuthError, HcaError, NetworkError
from hca_core.redact import readable

if TYPE_CHECKING:
    from hca_core.http import Session
    from hca_gen3.keys import ApiKey

__all__ = ["DEFAULT_SCOPES", "from_client", "from_key", "refuse", "token_in"]

# Without a scope, tokens of a client are good for nothing.
DEFAULT_SCOPES = "user data openid"


def from_key(session: Session, key: ApiKey) -> str:
    """Return an access token for an API key, from the commons that gave out the key.

    Raises:
        AuthError: the key is refused, or does not say which commons it is from.
        NetworkError: nobody is there to ask.
    """
    commons = key.commons
    url = f"{commons}/user/credentials/api/access_token"
    try:
        answer = session.send("POST", url, json={"api_key": key.secret}, retryable=True)
    except (ApiError, AuthError) as error:
        hint = "API keys are good for a month: create a new one on the profile page of the commons."
        refuse(f"{commons} refused the API key in {key.source}", error, _end(key) or hint)
    return token_in(answer, "access_token")


def from_client(session: Session, endpoint: str, client_id: str, secret: str, scopes: str) -> str:
    """Return an access token for an OIDC client that has the `client_credentials` grant.

    Raises:
        AuthError: the client, its secret or a scope is refused.
        NetworkError: nobody is there to ask.
    """

    def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
        return session.send("POST", url, data=form, headers=headers, retryable=True).json()

    application = Application(client_id, secret, BASIC)
    form = {"grant_type": "client_credentials", "scope": scopes}
    try:
        tokens = request(
            post, f"{endpoint}/user/oauth2/token", application, form, secrets=(secret,), moment=time.time()
        )
    except Refusal as refusal:
        sentence = f"{endpoint} gave no token to the client {client_id!r}: {str(refusal).rstrip('.')}."
        if refusal.temporary:
            raise NetworkError(sentence, hint="Try again later.") from None
        raise AuthError(sentence, service="gen3", hint="Check the client's ID, secret and scopes.") from None
    return tokens.access_token


def token_in(answer: Any, name: str) -> str:
    """Return the token called `name` in an answer.

    Raises:
        AuthError: there is none.
    """
    try:
        token = answer.json()[name]
    except (ValueError, LookupError, TypeError, RecursionError):
        token = None
    if not is_token(token):
        raise AuthError(f"What {readable(answer.url, 200)} answered with is no token.", service="gen3")
    return token


def refuse(what: str, error: HcaError, hint: str | None) -> NoReturn:
    """Raise an AuthError that says `what` was refused, in the words of the service.

    The cause stays behind: it may hold what the service was sent.
    """
    raise AuthError(
        f"{what}: {readable(error.message).rstrip('.')}.",
        service="gen3",
        status=getattr(error, "status", None),
        code=getattr(error, "code", None),
        request_id=getattr(error, "request_id", None),
        hint=hint,
    ) from None


def _end(key: ApiKey) -> str | None:
    expires = claims.expiry(key.secret)
    if expires is None or expires > time.time():
        return None
    return f"It expired on {(iso(expires) or '?')[:10]}: create a new one on the profile page of the commons."
