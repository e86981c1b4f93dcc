"""An auth service that answers from a script and describes itself with the shipped API description."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hca_auth
from hca_auth.client import AuthClient
from hca_core.testing import Answer, FakeServer

TOKEN = "token-of-ada"


class FakeAuth(FakeServer):
    """Serves `document` at /swagger.json, as an API that is here."""

    def __init__(self) -> None:
        super().__init__()
        file = Path(hca_auth.__file__).parent / "data" / "auth-api.json"
        self.document: dict[str, Any] = json.loads(file.read_text("utf-8"))
        self.on("GET", "/swagger.json", lambda _: Answer.json({**self.document, "servers": [{"url": self.url}]}))

    def __enter__(self) -> FakeAuth:
        super().__enter__()
        return self

    @property
    def swagger_url(self) -> str:
        return f"{self.url}/swagger.json"

    def client(self, **options: Any) -> AuthClient:
        return AuthClient(swagger_url=self.swagger_url, **{"token": TOKEN, **options})

    def asked(self) -> list[str]:
        """What was requested apart from the description: methods and addresses."""
        found = (f"{one.method} {one.path}{'?' if one.query else ''}{one.query}" for one in self.requests)
        return [line for line in found if line != "GET /swagger.json"]

    def publish(self, path: str, key: str, pages: Sequence[Sequence[str]], *, keyless_end: bool = True) -> None:
        """Answer for `path` with these pages.

        The links repeat what was asked for, as those of the real service do, and without `keyless_end` every page says
        what its list is called.
        """
        answers = []
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            link = f'<{self.url}{path}?per_page=6&next_token=p{number}&per_page=6>; rel="next"'
            headers = {"X-OpenAPI-Pagination": str(not last)} | ({} if last else {"Link": link})
            if not (last and keyless_end):
                headers["X-OpenAPI-Paginated-Content-Key"] = key
            answers.append(Answer.json({key: list(page)}, 200 if last else 206, headers))
        self.on("GET", path, *answers)
