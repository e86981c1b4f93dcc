"""The rules of OAuth 2 and OpenID Connect, which are Authlib's, applied to our clients, accounts and tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.wrappers import Response

from hca_local.oidc.clients import SCOPES, Client
from hca_local.oidc.families import ACCESS_SECONDS, Family
from hca_local.problem import Problem

if TYPE_CHECKING:
    from hca_local.oidc.accounts import Account
    from hca_local.oidc.identify import Identifier
    from hca_local.oidc.store import Store
    from hca_local.oidc.tokens import Tokens

__all__ = ["Message", "OAuth2Error", "Server"]

_METHODS = ["client_secret_basic", "client_secret_post", "none"]
_UNSUPPORTED = {"request": "request_not_supported", "request_uri": "request_uri_not_supported"}


class Message(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it. Its parameters come from the query or from the form, never from both."""

    def __init__(self, method: str, uri: str, headers: Headers, parameters: MultiDict[str, str]) -> None:
        super().__init__(method, uri, headers=headers)
        self.parameters = parameters
        self.payload = _Payload(parameters)

    @property
    def args(self) -> MultiDict[str, str]:
        """The parameters."""
        return self.parameters

    @property
    def form(self) -> MultiDict[str, str]:
        """The parameters."""
        return self.parameters


class _Payload(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, parameters: MultiDict[str, str]) -> None:
        self._parameters = parameters

    @property
    def data(self) -> MultiDict[str, str]:
        return self._parameters

    @property
    def datalist(self) -> dict[str, list[str]]:
        return dict(self._parameters.lists())


class Server(AuthorizationServer):  # type: ignore[misc]
    """Answers the requests of programs; people are asked by `hca_local.oidc.browser`."""

    def __init__(self, store: Store, tokens: Tokens, identifier: Identifier, clients: Mapping[str, Client]) -> None:
        super().__init__(scopes_supported=SCOPES)
        self.store = store
        self.tokens = tokens
        self.identifier = identifier
        self._clients = clients
        self.register_grant(_CodeGrant, [_Challenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_endpoint(_Revocation)

    def asked(self, message: Message) -> Any:
        """Return Authlib's grant for a valid authorization request.

        Raises:
            OAuth2Error: it is not; with a `redirect_uri` if the program may be told.
        """
        try:
            return self.get_consent_grant(message)
        except ValueError:
            # Authlib puts what it was sent into its words, in which some characters are not allowed.
            raise InvalidRequestError("The request has characters that are not allowed.") from None

    def give_token(self, message: Message) -> Response:
        """Answer a request for tokens."""
        return self._answered(message, self.create_token_response)

    def revoke_token(self, message: Message) -> Response:
        """Answer a request to make a token worthless."""
        return self._answered(message, lambda one: self.create_endpoint_response("revocation", one))

    def _answered(self, message: Message, answer: Any) -> Response:
        try:
            if "Authorization" not in message.headers and not message.parameters.get("client_id"):
                raise InvalidClientError(description="The request does not say which program it is from.")
            response: Response = answer(message)
        except OAuth2Error as error:
            return self.handle_error_response(message, error)
        except ValueError:
            # Authlib decodes the header as it comes.
            return self.handle_error_response(message, InvalidClientError(description="The header is malformed."))
        return response

    def query_client(self, client_id: str) -> Client | None:
        """Return the program with this id."""
        return self._clients.get(client_id)

    def generate_token(
        self, grant_type: str, client: Client, user: Account, scope: str, **_options: Any
    ) -> dict[str, Any]:
        """Return what does not depend on the sign-in; `save_token` adds the rest."""
        return {"token_type": "Bearer", "expires_in": ACCESS_SECONDS, "scope": scope}

    def save_token(self, token: dict[str, Any], request: Message) -> None:
        """Put the tokens into the answer. The scope is left out: it is what was asked for, and some clients choke."""
        scope: str = token.pop("scope")
        family: Family = request.authorization_code or request.refresh_token
        refresh_token = self._next_refresh_token(family, request)
        token["access_token"] = self.tokens.access(request.user, family, scope)
        if refresh_token is not None:
            token["refresh_token"] = refresh_token
        if "openid" in scope.split():
            token["id_token"] = self.tokens.identity(request.user, family, token["access_token"])

    def _next_refresh_token(self, family: Family, request: Message) -> str | None:
        if request.refresh_token is None:
            return self.store.families.issue(family) if "offline_access" in family.scope.split() else None
        token = self.store.families.rotate(request.form["refresh_token"])
        if token is None:
            raise InvalidGrantError("The refresh token was used already.")
        return token

    def create_oauth2_request(self, request: Message) -> Message:
        """Return the request as it is."""
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        """Return an answer of Authlib's as one of ours."""
        return Response(json.dumps(body) if isinstance(body, dict) else body, status, headers)

    def handle_error_response(self, request: Message, error: OAuth2Error) -> Response:
        """Return an error as an answer; one who does not say who they are always gets 401."""
        if isinstance(error, InvalidClientError):
            error.status_code = 401
        response: Response = super().handle_error_response(request, error)
        return response

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Tell nobody."""


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    @staticmethod
    def validate_authorization_redirect_uri(request: Message, client: Client) -> str:
        redirect_uri: str = request.payload.redirect_uri or client.get_default_redirect_uri()
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The address to return to is not one that this program may use.")
        return redirect_uri

    def generate_authorization_code(self) -> str:
        request, data = self.request, self.request.payload.data
        code: str = self.server.store.families.start(
            request.user.account.id,
            request.client.id,
            scope=request.scope,
            redirect_uri=request.payload.redirect_uri or "",
            challenge=data.get("code_challenge") or None,
            nonce=data.get("nonce") or None,
            signed_in=request.user.since,
        )
        return code

    def save_authorization_code(self, code: str, request: Message) -> None:
        """It was saved when it was made."""

    def query_authorization_code(self, code: str, client: Client) -> Family | None:
        found: Family | None = self.server.store.families.redeem(code, client.id)
        return found

    def delete_authorization_code(self, authorization_code: Family) -> None:
        """It was used up when it was looked up."""

    def authenticate_user(self, authorization_code: Family) -> Account | None:
        return _account(self.server.store, authorization_code)


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Family | None:
        found: Family | None = self.server.store.families.find(refresh_token)
        return found

    def authenticate_user(self, refresh_token: Family) -> Account:
        account = _account(self.server.store, refresh_token)
        if account is None:
            raise InvalidGrantError("The account cannot be used any more.")
        return account

    def revoke_old_credential(self, refresh_token: Family) -> None:
        """It was used up when the next one was made."""


class _Challenge(CodeChallenge):  # type: ignore[misc]
    """Binds a code to who asked for it, by S256 and by nothing else."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str | None) -> None:
        data = grant.request.payload.data
        for name, code in _UNSUPPORTED.items():
            if name in data:
                raise OAuth2Error(error=code)
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("Only the response mode query is supported.")
        # Authlib calls this with no address, whatever its signature says.
        address = data.get("redirect_uri") or grant.client.get_default_redirect_uri()
        if not data.get("code_challenge") and grant.client.needs_challenge(address):
            raise InvalidRequestError("A code_challenge is required, with the method S256.")
        super().validate_code_challenge(grant, redirect_uri)
        if data.get("code_challenge") and data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = _METHODS

    def authenticate_endpoint_client(self, request: Message) -> Client:
        # Who holds a token may give it up. Programs of old do so without their secret.
        if "Authorization" in request.headers or request.form.get("client_secret"):
            found: Client = super().authenticate_endpoint_client(request)
            return found
        client: Client | None = self.server.query_client(request.payload.client_id)
        if client is None:
            raise InvalidClientError(description="There is no such program.")
        return client

    def check_params(self, request: Message, client: Client) -> None:
        if not request.form.get("token"):
            raise InvalidRequestError("Missing 'token' in request.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Family | None:
        found: Family | None = self.server.store.families.owner(token_string)
        return found or self._of_access_token(token_string)

    def _of_access_token(self, token: str) -> Family | None:
        try:
            caller = self.server.identifier.identify(token)
        except Problem:
            return None
        found: Family | None = self.server.store.families.get(caller.family) if caller and caller.family else None
        return found

    def revoke_token(self, token: Family, request: Message) -> None:
        self.server.store.families.revoke(token.id)


def _account(store: Store, family: Family) -> Account | None:
    account = store.accounts.by_id(family.account_id)
    return account if account and not account.disabled else None
