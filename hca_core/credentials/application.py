"""As which application hca is known to a provider, and how it shows that."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

__all__ = ["BASIC", "IN_FORM", "Application", "chosen_method"]

BASIC = "client_secret_basic"
IN_FORM = "client_secret_post"


def chosen_method(document: Mapping[str, Any]) -> str:
    """Return how to show who we are to a provider with this discovery document, which is empty if it has none."""
    if not document:
        return IN_FORM  # as hca always did
    offered = document.get("token_endpoint_auth_methods_supported")
    # A provider that does not say takes Basic (RFC 8414).
    return IN_FORM if isinstance(offered, list) and IN_FORM in offered else BASIC


@dataclass(frozen=True)
class Application:
    """The `id` of an application; its `secret`, if it has one, is sent by `method`: BASIC, or else in the form."""

    id: str | None
    secret: str | None = field(default=None, repr=False)
    method: str | None = None

    @property
    def form(self) -> dict[str, str | None]:
        """What a form says about the application."""
        return {} if self._basic else {"client_id": self.id, "client_secret": self.secret}

    @property
    def headers(self) -> dict[str, str]:
        """What the headers say about the application."""
        return {"Authorization": f"Basic {self._basic}"} if self._basic else {}

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What no words may repeat."""
        return self.secret, self._basic

    @property
    def _basic(self) -> str | None:
        if self.method != BASIC or not self.secret:
            return None
        words = ":".join(map(quote_plus, (self.id or "", self.secret)))
        return base64.b64encode(words.encode()).decode()
