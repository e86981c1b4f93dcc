"""A small real service with an API description: books, pages of books, and a few ways to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hca_core.openapi.model import Api
from hca_core.openapi.parse import parse

BOOK = "11111111-2222-4333-8444-555555555555"
BROKEN_BOOK = BOOK.replace("1", "9")
CONTENT = b'{"b": 1,\n\n "a": 2}\r\n\x00\xff'
_UUID = {"name": "uuid", "in": "path", "required": True, "type": "string", "description": "Which book."}
_UUID["pattern"] = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_OK = {"200": {"description": "Fine."}}
_PAGED = {"200": {"description": "The last page."}, "206": {"description": "A page."}}

DESCRIPTION: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Library", "version": "1", "description": "Books."},
    "basePath": "/v1",
    "paths": {
        "/books": {
            "get": {
                "summary": "List books",
                "parameters": [
                    {"name": "per_page", "in": "query", "type": "integer", "minimum": 1, "default": 2},
                    {"name": "sorted", "in": "query", "type": "boolean", "description": "By title."},
                    {"name": "mode", "in": "query", "type": "string", "enum": ["good", "loop", "abroad", "keyless"]},
                ],
                "responses": _PAGED,
            }
        },
        "/books/{uuid}": {
            "get": {
                "summary": "Read a book",
                "parameters": [_UUID, {"name": "as_json", "in": "query", "type": "boolean"}],
                "responses": {"200": {"description": "Fine."}, "302": {"description": "There."}},
            },
            "head": {"summary": "Look at a book", "parameters": [_UUID], "responses": _OK},
            "put": {
                "summary": "Write a book",
                "description": "The whole book.\n\nTwice is harmless.",
                "security": [{"key": []}],
                "parameters": [
                    {
                        "name": "json_request_body",
                        "in": "body",
                        "required": True,
                        "schema": {
                            "type": "object",
                            "required": ["title"],
                            "properties": {
                                "title": {"type": "string", "description": "On the cover."},
                                "chapters": {"type": "array", "items": {"type": "object"}},
                                "tags": {"type": "array", "items": {"type": "string"}},
                                "details": {"type": "object"},
                                "edition": {"type": "integer"},
                            },
                        },
                    },
                    _UUID,
                ],
                "responses": _OK,
            },
        },
        "/search": {
            "post": {
                "summary": "Find books",
                "parameters": [
                    {
                        "name": "json_request_body",
                        "in": "body",
                        "schema": {"properties": {"query": {"type": "object"}}, "required": ["query"]},
                    }
                ],
                "responses": _PAGED,
            }
        },
    },
}


@dataclass
class Service:
    """The running service: its address, and the requests it got."""

    url: str = ""
    title: str = "Library"
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def description(self) -> dict[str, Any]:
        return {**DESCRIPTION, "info": {**DESCRIPTION["info"], "title": self.title}}

    @property
    def api(self) -> Api:
        return parse(self.description, source_url=f"{self.url}/v1/swagger.json", safe_posts=frozenset({"post_search"}))


@dataclass
class SmallApp:
    """Stands where `hca_core.app.App` stands, for one service."""

    api_maker: Callable[[], Api]
    session_maker: Callable[[], Any]
    asked: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def api(self, name: str, *, swagger_url: str | None = None, offline: bool = False) -> Api:
        self.asked.append(f"api {name} {'offline' if offline else swagger_url}")
        return self.api_maker()

    def session(self, name: str, url: str, **options: Any) -> Any:
        self.asked.append(f"session {name} {url}")
        self.options = options
        return self.session_maker()

    def close(self) -> None: ...


@contextmanager
def running(title: str = "Library") -> Iterator[Service]:
    """Run the service on a free port of the loopback interface."""
    service = Service(title=title)

    class Handler(_Handler):
        owner = service

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: Service
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.owner.requests.append(
            {
                "method": self.command,
                "path": self.path,
                "query": query,
                "body": json.loads(body) if body else None,
                "headers": dict(self.headers),
            }
        )
        if parts.path == "/v1/books":
            self.answer_page(query)
        elif parts.path == "/v1/search":
            self.answer_search(query, json.loads(body))
        elif self.command == "PUT":
            self.answer(200, {"title": json.loads(body)["title"], "service": self.owner.title})
        elif query.get("as_json") == "true":
            self.answer(200, {"uuid": parts.path.rpartition("/")[2], "service": self.owner.title})
        elif parts.path.endswith(BROKEN_BOOK):
            self.close_connection = True
            self.send(200, CONTENT, {"Content-Type": "text/plain", "Content-Length": str(len(CONTENT) + 10)})
        else:
            self.send(200, CONTENT, {"Content-Type": "application/octet-stream", "X-Book-Size": str(len(CONTENT))})

    do_GET = do_HEAD = do_PUT = do_POST = handle_request

    def answer_page(self, query: dict[str, str]) -> None:
        mode, start = query.get("mode", "good"), int(query.get("start_at", 0))
        target = f"/v1/books?mode={mode}&start_at={start + 2}"
        if mode == "loop":
            target = f"/v1/books?mode=loop&start_at={2 if start == 0 else start}"
        if mode == "abroad":
            target = f"http://elsewhere.example.org{target}"
        headers = {"X-OpenAPI-Paginated-Content-Key": "nothing.here" if mode == "keyless" else "shelf.books"}
        more = start < 4 or mode == "loop"
        if more:
            headers["Link"] = f"<{target}>; rel='next'"
        books = [f"book {number}" for number in range(start, min(start + 2, 5))]
        body = {"shelf": {"name": "top", "books": books}, "has_more": more, "link": target}
        self.answer(206 if more else 200, body, headers)

    def answer_search(self, query: dict[str, str], body: dict[str, Any]) -> None:
        page = int(query.get("search_after", 0))
        link = {"Link": f'<{self.owner.url}/v1/search?search_after={page + 1}>; rel="next"'} if page < 2 else {}
        self.answer(206 if link else 200, {"results": [{"page": page, "asked": body}], "total_hits": 3}, link)

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...
