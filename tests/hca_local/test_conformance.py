"""The comparison of services with their descriptions finds what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hca_local.listener import Listener

pytest.importorskip("schemathesis")  # which needs a newer Python than we do
from conformance import Served, check, described
from schemathesis.core.failures import FailureGroup

API = described(
    {
        "swagger": "2.0",
        "info": {"title": "T", "version": "1", "description": "d"},
        "produces": ["application/json"],
        "paths": {
            "/things/{id}": {
                "get": {
                    "parameters": [{"name": "id", "in": "path", "type": "string", "required": True}],
                    "responses": {
                        "200": {"description": "A thing.", "schema": {"type": "object", "required": ["id"]}},
                        "404": {"description": "None."},
                        "default": {"description": "Any other."},
                    },
                }
            }
        },
    }
)
KNOWN = {"things": [{"id": "t1"}]}


def answering(status: str, body: Any, kind: str = "application/json") -> Callable[..., list[bytes]]:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [("Content-Type", kind)])
        return [json.dumps({**body, "path": environ["PATH_INFO"]}).encode()]

    return app


def ask(app: Callable[..., list[bytes]]) -> None:
    with Listener() as listener:
        listener.serve(app, max_body=1000)
        for number in range(10):
            case = API["/things/{id}"]["GET"].Case(path_parameters={"id": f"made-up-{number}"})
            check(case, Served(f"http://127.0.0.1:{listener.port}", {}, KNOWN))


def test_a_good_service_is_found_good() -> None:
    asked: set[str] = set()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked.add(environ["PATH_INFO"])
        return answering("200 OK", {"id": "t1"})(environ, start_response)

    ask(app)
    assert "/things/t1" in asked
    assert any(path.startswith("/things/made-up") for path in asked)


@pytest.mark.parametrize(
    "app",
    [
        answering("500 Internal Server Error", {}),
        answering("201 Created", {"id": "t1"}),
        answering("200 OK", {"id": "t1"}, "text/html"),
        answering("200 OK", {}),
    ],
)
def test_a_bad_service_is_found_bad(app: Any) -> None:
    with pytest.raises((AssertionError, FailureGroup)):
        ask(app)
