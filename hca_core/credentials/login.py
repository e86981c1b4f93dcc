"""Logs a user in at the service's OpenID provider: authorization code with PKCE, in a browser here or elsewhere."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hca_core.credentials.advice import environment_names, login_hint
from hca_core.credentials.claims import expiry
from hca_core.credentials.id_token import Doubt, verify
from hca_core.credentials.loopback import Listener
from hca_core.credentials.places import ARGUMENT, check
from hca_core.credentials.provider import Get, Provider
from hca_core.credentials.store import Login
from hca_core.credentials.token_endpoint import Post, Refusal, Tokens, request
from hca_core.errors import AuthError, HcaError, NetworkError
from hca_core.records import Credentials
from hca_core.redact import readable

__all__ = ["Dialogue", "LoginFlow", "from_token", "open_browser", "pasted"]

log = logging.getLogger(__name__)

SCOPE = "openid email offline_access"
ELSEWHERE = "If your browser is on another machine, use --remote."


def open_browser(url: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Show `url` in the user's browser; return whether that worked. Browsers that need the terminal are not used."""
    import webbrowser

    graphical = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(environ.get(name) for name in graphical):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _warn(words: str) -> None:
    # Python shows warnings on stderr even if a program has set no logging up.
    log.warning("%s", words)


@dataclass(frozen=True)
class Dialogue:
    """How to talk to the user: show a line, ask for one (EOFError if nobody answers), show an address in a browser."""

    say: Callable[[str], None] = _warn
    ask: Callable[[], str] = input
    open_browser: Callable[[str], bool] = open_browser


@dataclass(frozen=True)
class Attempt:
    """One attempt to log in: what only we know, and what the provider has to send back."""

    provider: Provider
    redirect_uri: str
    audience: str | None = None
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def url(self) -> str:
        """Where the user logs in."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        return str(
            prepare_grant_uri(
                self.provider.authorization_endpoint,
                self.provider.client_id,
                "code",
                redirect_uri=self.redirect_uri,
                scope=SCOPE,
                state=self.state,
                nonce=self.nonce,
                audience=self.audience,
                code_challenge=create_s256_code_challenge(self.verifier),
                code_challenge_method="S256",
            )
        )

    def form(self, code: str) -> dict[str, str]:
        """Return what is sent for tokens, beside as which application."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }


@dataclass(frozen=True)
class LoginFlow:
    """Logs a user of `service` in at `provider`; `audience` is for whom tokens are asked, `now` seconds since 1970."""

    service: str
    provider: Provider
    get: Get
    post: Post
    dialogue: Dialogue
    audience: str | None = None
    now: Callable[[], float] = time.time

    def in_browser(self, *, opens: bool = True, timeout: float = 300.0) -> Login:
        """Return the login that a browser on this machine brings; without `opens` the user opens it.

        Raises:
            AuthError: nobody logged in within `timeout` seconds, or as in `by_hand`.
            NetworkError: the provider does not answer.
        """
        state = secrets.token_urlsafe(32)
        with Listener(state) as listener:
            attempt = Attempt(self.provider, listener.redirect_uri, self.audience, state)
            self._show(attempt.url, opens)
            answer = listener.wait(timeout)
            if answer is None:
                raise AuthError(
                    f"Nobody logged in to the {self.service} service within {timeout:g} s.",
                    service=self.service,
                    hint=ELSEWHERE,
                )
            return self._finish(attempt, answer)

    def by_hand(self) -> Login:
        """Return the login whose code the user brings from a browser anywhere.

        Raises:
            AuthError: the user or the provider declines, or an answer cannot be trusted.
            NetworkError: the provider does not answer.
        """
        attempt = Attempt(self.provider, self.provider.paste_uri, self.audience)
        self.dialogue.say("Open this address in a browser on any machine, and log in:")
        self.dialogue.say(attempt.url)
        self.dialogue.say("Then paste here the code that it shows, or the address at which it ends:")
        try:
            answer = pasted(self.dialogue.ask(), attempt.state)
        except EOFError:
            raise self._failed("nothing was pasted") from None
        except ValueError as error:
            raise self._failed(str(error)) from None
        return self._finish(attempt, answer)

    def _show(self, url: str, opens: bool) -> None:
        say = self.dialogue.say
        if opens and self.dialogue.open_browser(url):
            say("Log in with your browser.")
            say(f"If it does not open, use this address: {url}")
            return
        say("Open this address in a browser on this machine:")
        say(url)
        if opens:
            say(ELSEWHERE)

    def _finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Login:
        code = answer.get("code")
        if "error" in answer or not code:
            raise self._declined(answer)
        endpoint, application = self.provider.token_endpoint, self.provider.application
        hidden = (code, attempt.verifier)
        try:
            tokens = request(self.post, endpoint, application, attempt.form(code), secrets=hidden, moment=self.now())
        except Refusal as refusal:
            raise self._failed(str(refusal), temporary=refusal.temporary) from None
        return self._login(tokens, self._claims(attempt, tokens))

    def _claims(self, attempt: Attempt, tokens: Tokens) -> Mapping[str, Any]:
        """Return what the provider vouches for: nothing, if there is no way to check it."""
        issuer, jwks_uri = self.provider.issuer, self.provider.jwks_uri
        if not tokens.id_token or not issuer or not jwks_uri:
            return {}
        try:
            return verify(
                tokens.id_token,
                self._keys(jwks_uri),
                issuer=issuer,
                client_id=self.provider.client_id,
                nonce=attempt.nonce,
                access_token=tokens.access_token,
                now=self.now(),
            )
        except Doubt as doubt:
            raise self._failed(f"the provider's token that says who you are cannot be trusted: {doubt}") from None

    def _keys(self, jwks_uri: str) -> Any:
        try:
            return self.get(jwks_uri)
        except NetworkError:
            raise
        except (HcaError, ValueError):
            raise self._failed("the provider does not publish the keys with which it signs") from None

    def _login(self, tokens: Tokens, claims: Mapping[str, Any]) -> Login:
        who = (claims.get(name) for name in ("email", "sub"))
        return Login(
            access_token=tokens.access_token,
            expires_at=tokens.expires_at,
            refresh_token=tokens.refresh_token,
            token_endpoint=self.provider.token_endpoint,
            client_id=self.provider.client_id,
            client_secret=self.provider.client_secret,
            revocation_endpoint=self.provider.revocation_endpoint,
            issuer=self.provider.issuer,
            scope=tokens.scope or SCOPE,
            subject=next((name for name in who if isinstance(name, str) and name), None),
            auth_method=self.provider.auth_method,
        )

    def _declined(self, answer: Mapping[str, str]) -> HcaError:
        said = ": ".join(readable(answer[name]) for name in ("error", "error_description") if answer.get(name))
        if answer.get("error") == "access_denied":
            return self._failed(f"the provider says that access was denied ({said})")
        return self._failed(f"the provider says {said}" if said else "the provider sent no code")

    def _failed(self, why: str, *, temporary: bool = False) -> HcaError:
        sentence = f"The login to the {self.service} service failed: {why.rstrip('.')}."
        if temporary:
            return NetworkError(sentence, hint="Try again later.")
        token = environment_names(self.service)[0]
        return AuthError(sentence, service=self.service, hint=f"Try again, or set {token} to a token.")


def pasted(text: str, state: str) -> dict[str, str]:
    """Return the answer that a user pasted: a bare code, or an address whose parameters have to include `state`.

    Raises:
        ValueError: it is neither; the words do not repeat it.
    """
    text = text.strip()
    if "://" in text or re.search(r"(^|[?&])(code|error|state)=", text):
        query = urlsplit(text).query or text.partition("?")[2] or text
        answer = {name: values[0] for name, values in parse_qs(query).items() if len(values) == 1}
        if not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise ValueError("the pasted address belongs to another login")
        return answer
    if not re.fullmatch(r"[!-~]{1,4000}", text):
        raise ValueError("what was pasted is not a code" if text else "nothing was pasted")
    return {"code": text}


def from_token(service: str, token: str, now: Callable[[], float] = time.time) -> Login:
    """Return the login that a token is by itself; it ends when the token says so.

    Raises:
        AuthError: it is not a token, or has expired.
    """
    check(Credentials(token, ARGUMENT), service)
    login = Login(token, expiry(token))
    if login.expired(now()):
        raise AuthError("This token has expired.", service=service, hint=login_hint(service))
    return login
