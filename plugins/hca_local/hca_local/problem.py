"""What a service answers instead of a result: a code for programs and a title for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_core.errors import HcaError

__all__ = ["NO_TOKEN", "Problem"]

NO_TOKEN = "This needs a token, as `Bearer TOKEN` in the header Authorization."  # noqa: S105 - a title


class Problem(HcaError):
    """A request cannot be answered: `status` is the HTTP status, `code` is for programs, `title` for people.

    Where a service is known to use certain titles, `detail` says what is wrong this time.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def document(self) -> dict[str, Any]:
        """The body of the answer, `application/problem+json`."""
        document = {"status": self.status, "code": self.code, "title": self.title, "stacktrace": ""}
        return {**document, "detail": self.detail} if self.detail else document
