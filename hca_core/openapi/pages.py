"""Follows a paginated answer from page to page, and puts pages together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from hca_core.errors import ApiError

__all__ = ["Page", "content_key", "follow", "items", "merge", "next_url"]

CONTENT_KEY_HEADER = "X-OpenAPI-Paginated-Content-Key"
DEFAULT_KEY = "results"

# What an answer says about the page rather than about the list.
PAGE_STATE = frozenset(
    {"has_more", "link", "next_token", "page_count", "per_page", "search_after", "start_at", "token"}
)

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_RELATION = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;,"']+))""", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """One answer: its parsed `body`, and `key`, the dotted path to the list in it."""

    body: Any
    key: str


def next_url(headers: Mapping[str, str], current_url: str) -> str | None:
    """Return the absolute URL of the page after the one at `current_url`, or None after the last.

    Raises:
        ApiError: the link leads to another host, or from https to http.
    """
    for target, attributes in _LINK.findall(_header(headers, "Link") or ""):
        relation = _RELATION.search(attributes)
        if relation and "next" in "".join(group or "" for group in relation.groups()).lower().split():
            return _trusted(target.strip(), current_url)
    return None


def _trusted(target: str, current_url: str) -> str:
    try:
        url = urljoin(current_url, target)
        here, there = urlsplit(current_url), urlsplit(url)
        trusted = _origin(there) in (_origin(here), _origin(here._replace(scheme="https")))
    except ValueError:
        trusted = False
    if not trusted:
        raise _refused(f"the next page is said to be at {target!r}, which is not on the same host", current_url)
    return url


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None, str | None]:
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.username


def content_key(headers: Mapping[str, str], body: Any, previous: str | None = None) -> str:
    """Return the dotted path to the list in `body`.

    The service names it in a header; some do so on all pages but the last, so the `previous` page's key comes next,
    then `results`, and if the body has no such list, the only list that it has.
    """
    named = _header(headers, CONTENT_KEY_HEADER) or previous
    if named:
        return named
    lists = [key for key, value in body.items() if isinstance(value, list)] if isinstance(body, dict) else []
    return lists[0] if len(lists) == 1 else DEFAULT_KEY


def items(page: Page) -> list[Any]:
    """Return the list that the page carries.

    Raises:
        ApiError: there is none at the page's key.
    """
    found = page.body
    for name in page.key.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise _refused(f"the answer has no list at {page.key!r}")
    return found


def follow(fetch: Callable[[str], tuple[Mapping[str, str], Any]], url: str) -> Iterator[Page]:
    """Yield the page at `url` and those after it; `fetch(url)` returns the headers and the body of one.

    Raises:
        ApiError: a link leads to another host or to a page that was already read.
    """
    seen: set[str] = set()
    key: str | None = None
    following: str | None = url
    while following:
        seen.add(following)
        headers, body = fetch(following)
        key = content_key(headers, body, key)
        yield Page(body, key)
        current, following = following, next_url(headers, following)
        if following in seen:
            raise _refused("the next page is one that was already read", current)


def merge(pages: Iterable[Page]) -> Any:
    """Return one body with the items of all pages: the first page's body, without what describes a page.

    Raises:
        ApiError: a page of several has no list at its key.
    """
    whole: Any = None
    collected: list[Any] | None = None
    for number, page in enumerate(pages):
        if number == 0:
            first, whole = page, _without_state(page)
            continue
        if collected is None:
            collected = _detach(whole, first)
        collected.extend(items(page))
    return whole


def _without_state(page: Page) -> Any:
    if not isinstance(page.body, dict):
        return page.body
    kept = page.key.partition(".")[0]
    return {name: value for name, value in page.body.items() if name not in PAGE_STATE or name == kept}


def _detach(whole: dict[str, Any], first: Page) -> list[Any]:
    """Give `whole` its own copy of the first page's list, and of what leads to it; return the list."""
    collected = list(items(first))
    *path, last = first.key.split(".")
    parent = whole
    for name in path:
        parent[name] = dict(parent[name])
        parent = parent[name]
    parent[last] = collected
    return collected


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return headers.get(name) or headers.get(name.lower())


def _refused(problem: str, url: str | None = None) -> ApiError:
    return ApiError(
        f"The service's pages cannot be followed: {problem}.",
        status=206,
        url=url,
        hint="This is a fault of the service; the first page alone can be had without following (--no-paginate).",
    )
