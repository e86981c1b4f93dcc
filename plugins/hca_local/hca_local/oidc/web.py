"""Requests as the provider reads them, and its answers: JSON for programs, pages for people."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response

from hca_local.oidc.pages import POLICY
from hca_local.problem import Problem

__all__ = ["Request", "json_answer", "page", "problem_answer", "redirect"]

MAX_BODY = 64 * 1024  # bytes


class Request(WerkzeugRequest):
    """A request, whose body is small."""

    max_content_length = MAX_BODY
    max_form_memory_size = MAX_BODY
    max_form_parts = 100

    @property
    def comes_from_here(self) -> bool:
        """Whether no other web site sent this form; browsers say so."""
        origin = self.headers.get("Origin")
        if origin is not None:
            return origin == f"http://{self.host}"
        return self.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def json_answer(value: Any, *, status: int = 200, public: bool = False) -> Response:
    """Return JSON that is not to be kept; web sites may read it if it is `public`."""
    answer = Response(json.dumps(value), status, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    if public:
        answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def problem_answer(problem: Problem) -> Response:
    """Return what is said instead of an answer."""
    return Response(json.dumps(problem.document), problem.status, problem.headers, mimetype="application/problem+json")


def redirect(location: str, status: int = 302) -> Response:
    """Send the browser elsewhere."""
    return Response(status=status, headers={"Location": location, "Cache-Control": "no-store"})


def page(html: str, *, status: int = 200, leads_to: str | None = None) -> Response:
    """Return a page; the form on it may lead to `leads_to`, the address of a program."""
    answer = Response(html, status, mimetype="text/html")
    answer.headers.update(
        {
            "Content-Security-Policy": f"{POLICY}; form-action 'self'{_source(leads_to)}",
            "Cache-Control": "no-store",
            # With no-referrer a browser would not say where the form comes from.
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    return answer


def _source(address: str | None) -> str:
    """Return a source for a policy. Browsers apply it to redirects too, and know none for an address like [::1]."""
    if address is None:
        return ""
    parts = urlsplit(address)
    return f" {parts.scheme}:" if "[" in parts.netloc else f" {parts.scheme}://{parts.netloc}"
