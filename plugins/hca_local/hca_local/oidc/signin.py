"""Leads people through a sign-in: the request of a program, the password, the consent, and back to the program."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers, MultiDict
from werkzeug.wrappers import Response

from hca_local.oidc.clients import DEFAULT_SCOPE, INSTALLED
from hca_local.oidc.pages import consent_page, message_page, sign_in_page
from hca_local.oidc.server import Message, OAuth2Error
from hca_local.oidc.sessions import Sessions, SignedIn, Visit, new_browser, valid_browser
from hca_local.oidc.steps import Known, Step, next_step
from hca_local.oidc.throttle import Throttle
from hca_local.oidc.web import Request, page, redirect

if TYPE_CHECKING:
    from hca_local.oidc.server import Server
    from hca_local.oidc.store import Store

__all__ = ["SignIn"]

log = logging.getLogger(__name__)

# What a request without a client means: `/login` is for programs that do not know one.
_DEFAULTS = {"client_id": INSTALLED, "response_type": "code", "scope": DEFAULT_SCOPE}
_WRONG = "This e-mail address and this password do not belong together."
_TOO_OLD = (
    "It has been open for too long, the stack was restarted, or your browser takes no cookies. "
    "Go back to the program and start again."
)


class SignIn:
    """Answers what browsers ask. `issuer` is the address of the provider."""

    def __init__(self, server: Server, store: Store, *, issuer: str, now: Callable[[], float]) -> None:
        self._server = server
        self._store = store
        self._issuer = issuer
        self._now = now
        self._sessions = Sessions(store.accounts, now)
        self._throttle = Throttle(now)
        # All ports of a host share their cookies.
        self._cookie = f"hca_local_{urlsplit(issuer).port or 80}"

    def authorize(self, request: Request) -> Response:
        """Answer a program's request: at once, or with the first page for whoever sits there."""
        given = request.form if request.method == "POST" else request.args
        parameters = tuple(given.items(multi=True))
        if "client_id" not in given:
            parameters += tuple((name, value) for name, value in _DEFAULTS.items() if name not in given)
        found = self._browser(request)
        browser = found or new_browser()
        answer = self._go_on(browser, self._sessions.visit(browser, parameters))
        return answer if found else self._remembering(answer, browser)

    def sign_in(self, request: Request) -> Response:
        """Check an e-mail address and a password."""
        browser, visit = self._visit(request)
        if visit is None or not request.comes_from_here:
            return _too_old()
        email, address = request.form.get("email", "").strip(), request.remote_addr or ""
        wait = self._throttle.attempt(email, address)
        if wait:
            answer = self._sign_in_page(visit, email, f"Too many wrong passwords. Try again in {wait} seconds.", 429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        account = self._store.accounts.authenticate(email, request.form.get("password", ""))
        if account is None:
            log.info("A sign-in from %s failed.", address)
            return self._sign_in_page(visit, email, _WRONG, 403)
        self._throttle.succeeded(email, address)
        cookie, visit = self._sessions.sign_in(browser, account, visit)
        return self._remembering(redirect(f"/oauth/consent?visit={visit.id}", 303), cookie)

    def consent(self, request: Request) -> Response:
        """Show what is due for somebody who signed in, or take their decision."""
        browser, visit = self._visit(request)
        if visit is None or (request.method == "POST" and not request.comes_from_here):
            return _too_old()
        decision = request.form.get("decision", "")
        if decision == "switch":
            self._sessions.sign_out(browser)
        return self._go_on(browser, visit, decision)

    def logout(self, request: Request) -> Response:
        """End the browser's session."""
        browser = self._browser(request)
        if browser:
            self._sessions.sign_out(browser)
        answer = redirect("/oauth/signed-out")
        answer.delete_cookie(self._cookie, httponly=True, samesite="Lax")
        return answer

    def signed_out(self, _request: Request) -> Response:
        """Say that this has happened."""
        return page(message_page("You are signed out", "Programs that you signed in to stay signed in."))

    def _go_on(self, browser: str, visit: Visit, decision: str = "") -> Response:
        """Do what comes next for a request; `decision` is what somebody answered on the page about consent."""
        message = self._message(visit)
        try:
            grant = self._server.asked(message)
        except OAuth2Error as error:
            return self._refused(message, error)
        signed_in = self._sessions.signed_in(browser)
        step = next_step(message.parameters, self._known(visit, message, signed_in))
        if step.is_error:
            told = OAuth2Error(error=step.value, redirect_uri=grant.redirect_uri, state=message.payload.state)
            return self._refused(message, told)
        if step is Step.SIGN_IN or signed_in is None:
            return self._sign_in_page(visit, message.parameters.get("login_hint", ""))
        if decision == "allow":
            self._store.consents.add(signed_in.account.id, message.client.id, message.scope.split())
        elif decision != "deny" and step is Step.CONSENT:
            return self._consent_page(visit, message, grant, signed_in)
        return self._back(message, grant, signed_in if decision != "deny" else None)

    def _known(self, visit: Visit, message: Message, signed_in: SignedIn | None) -> Known:
        if signed_in is None:
            return Known(None)
        consented = self._store.consents.cover(signed_in.account.id, message.client.id, message.scope.split())
        return Known(self._now() - signed_in.since, visit.fresh, consented)

    def _back(self, message: Message, grant: Any, signed_in: SignedIn | None) -> Response:
        """Send the browser back to the program with a code, or with the news that there is none."""
        answer: Response = self._server.create_authorization_response(message, signed_in, grant)
        return _unkept(answer)

    def _refused(self, message: Message, error: OAuth2Error) -> Response:
        if error.redirect_uri:
            return _unkept(self._server.handle_error_response(message, error))
        text = f"A program sent you here with a request that makes no sense: {error.get_error_description()}"
        return page(message_page("This cannot be answered", text), status=400)

    def _sign_in_page(self, visit: Visit, email: str = "", problem: str | None = None, status: int = 200) -> Response:
        message = self._message(visit)
        client = self._server.query_client(message.payload.client_id)
        assert client is not None  # nobody sees a visit before its request was checked
        html = sign_in_page(visit.id, program=client.title, email=email[:128], problem=problem)
        return page(html, status=status, leads_to=message.payload.redirect_uri or client.get_default_redirect_uri())

    def _consent_page(self, visit: Visit, message: Message, grant: Any, signed_in: SignedIn) -> Response:
        html = consent_page(
            visit.id,
            program=message.client.title,
            email=signed_in.account.email,
            scope=message.scope.split(),
            destination=grant.redirect_uri,
        )
        return page(html, leads_to=grant.redirect_uri)

    def _message(self, visit: Visit) -> Message:
        return Message("GET", f"{self._issuer}/oauth/authorize", Headers(), MultiDict(visit.parameters))

    def _visit(self, request: Request) -> tuple[str, Visit | None]:
        browser = self._browser(request)
        given = (request.form if request.method == "POST" else request.args).get("visit", "")
        return browser, self._sessions.find(given, browser) if browser else None

    def _browser(self, request: Request) -> str:
        cookie = request.cookies.get(self._cookie, "")
        return cookie if valid_browser(cookie) else ""

    def _remembering(self, answer: Response, browser: str) -> Response:
        answer.set_cookie(self._cookie, browser, httponly=True, samesite="Lax", path="/")
        return answer


def _unkept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _too_old() -> Response:
    return page(message_page("This page is of no use any more", _TOO_OLD), status=400)
