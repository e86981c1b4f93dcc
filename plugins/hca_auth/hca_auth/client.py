"""The Python client of the auth service: the methods of its API description."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hca_core.client import ApiClient, ApiMethod

if TYPE_CHECKING:
    from hca_core.openapi.request import Request

__all__ = ["AuthClient"]


class AuthMethod(ApiMethod):
    """An operation of the auth service, ready to be called.

    Of several names to add or remove, the service changes none (304) if only one of them is there already, or gone.
    So then each is asked for alone; the answer lists those that were changed, and is None if none had to be.
    """

    def _call(self, request: Request) -> Any:
        answer = super()._call(request)
        return self._call_one_by_one(request) if answer is None and _has_several(request) else answer

    def _call_one_by_one(self, request: Request) -> Any:
        ((key, names),) = request.json.items()
        answer: Any = None
        changed: list[Any] = []
        for name in names:
            alone = super()._call(replace(request, json={key: [name]}))
            if alone is not None:
                answer = alone
                changed.append(name)
        return {**answer, key: changed} if isinstance(answer, dict) else answer


class AuthClient(ApiClient):
    """Talks to the auth service. Every operation of its API description is a method (`get_v1_user`, …)."""

    service = "auth"
    method_class = AuthMethod


def _has_several(request: Request) -> bool:
    """Return whether a request changes a list of more than one name, which is all of its body."""
    lists = list(request.json.values()) if isinstance(request.json, dict) else []
    return "304" in request.operation.statuses and len(lists) == 1 and isinstance(lists[0], list) and len(lists[0]) > 1
