"""What must happen before a program gets its code: decided from what it asks and what is known of the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["Known", "Step", "next_step"]


class Step(Enum):
    """The next thing to do; the last three are errors that the program is told, by these names."""

    GRANT = "grant"
    SIGN_IN = "sign in"
    CONSENT = "consent"
    LOGIN_REQUIRED = "login_required"
    CONSENT_REQUIRED = "consent_required"
    INVALID_REQUEST = "invalid_request"

    @property
    def is_error(self) -> bool:
        """Whether the program is told that it cannot be."""
        return self in (Step.LOGIN_REQUIRED, Step.CONSENT_REQUIRED, Step.INVALID_REQUEST)


@dataclass(frozen=True)
class Known:
    """What is known of the browser: for how many seconds somebody is signed in (None: nobody is), whether they gave
    the password for this very request, and whether they allowed all of it before."""

    signed_in_for: float | None
    fresh: bool = False
    consented: bool = False


def next_step(parameters: Mapping[str, str], known: Known) -> Step:
    """Return what comes next for an authorization request that is valid otherwise (OpenID Connect Core, 3.1.2)."""
    prompts = set((parameters.get("prompt") or "").split())
    if "none" in prompts:
        return _silently(prompts, parameters, known)
    if _must_sign_in(parameters, known) or (prompts & {"login", "select_account"} and not known.fresh):
        return Step.SIGN_IN
    return Step.CONSENT if "consent" in prompts or not known.consented else Step.GRANT


def _silently(prompts: set[str], parameters: Mapping[str, str], known: Known) -> Step:
    if len(prompts) > 1:
        return Step.INVALID_REQUEST
    if _must_sign_in(parameters, known):
        return Step.LOGIN_REQUIRED
    return Step.GRANT if known.consented else Step.CONSENT_REQUIRED


def _must_sign_in(parameters: Mapping[str, str], known: Known) -> bool:
    if known.signed_in_for is None:
        return True
    oldest = parameters.get("max_age") or ""
    return oldest.isdecimal() and len(oldest) < 10 and known.signed_in_for > int(oldest) and not known.fresh
