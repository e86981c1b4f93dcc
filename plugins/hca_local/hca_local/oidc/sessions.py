"""Who is signed in with which browser, and which sign-ins are under way in it."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hca_local.oidc.memory import Expiring

if TYPE_CHECKING:
    from hca_local.oidc.accounts import Account, Accounts

__all__ = ["Sessions", "SignedIn", "Visit", "new_browser", "valid_browser"]

SESSION_SECONDS = 8 * 3600
VISIT_SECONDS = 15 * 60
MOST = 1000  # of each

_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class SignedIn:
    """An account, and when it was signed in with a password (seconds since 1970)."""

    account: Account
    since: float


@dataclass(frozen=True)
class Visit:
    """A program's request that waits for somebody at a browser. `fresh`: the password was given for this very one.

    Its `id` is in the forms of its pages, where other web sites cannot read it, and good for that one browser.
    """

    id: str
    browser: str
    parameters: tuple[tuple[str, str], ...]
    fresh: bool = False


class Sessions:
    """Browsers are known by the SHA-256 of a random cookie. Nothing of this survives a restart."""

    def __init__(self, accounts: Accounts, now: Callable[[], float]) -> None:
        self._accounts = accounts
        self._now = now
        self._signed_in: Expiring[SignedIn] = Expiring(SESSION_SECONDS, MOST, now)
        self._visits: Expiring[Visit] = Expiring(VISIT_SECONDS, MOST, now)

    def signed_in(self, browser: str) -> SignedIn | None:
        """Return who is signed in, if the account is still what it was then."""
        found = self._signed_in.get(_digest(browser))
        account = self._accounts.by_id(found.account.id) if found else None
        if found is None or account is None or account.stamp != found.account.stamp:
            return None
        return replace(found, account=account)

    def sign_in(self, browser: str, account: Account, visit: Visit) -> tuple[str, Visit]:
        """Sign somebody in; return the browser's new cookie, and the visit as it goes on with that."""
        self.sign_out(browser)
        cookie = new_browser()
        self._signed_in.put(_digest(cookie), SignedIn(account, self._now()))
        going_on = replace(visit, browser=_digest(cookie), fresh=True)
        self._visits.put(visit.id, going_on)
        return cookie, going_on

    def sign_out(self, browser: str) -> None:
        """Forget who is signed in."""
        self._signed_in.pop(_digest(browser))

    def visit(self, browser: str, parameters: tuple[tuple[str, str], ...]) -> Visit:
        """Begin to wait for somebody."""
        visit = Visit(secrets.token_urlsafe(32), _digest(browser), parameters)
        self._visits.put(visit.id, visit)
        return visit

    def find(self, identifier: str, browser: str) -> Visit | None:
        """Return the visit with this id, if it belongs to this browser."""
        visit = self._visits.get(identifier)
        return visit if visit and visit.browser == _digest(browser) else None


def new_browser() -> str:
    """Return a cookie for a browser that has none."""
    return secrets.token_urlsafe(32)


def valid_browser(cookie: str) -> bool:
    """Return whether this can be a cookie of ours."""
    return _BROWSER.fullmatch(cookie) is not None


def _digest(browser: str) -> str:
    return hashlib.sha256(browser.encode("utf-8", "surrogatepass")).hexdigest()
