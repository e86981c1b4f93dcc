import pytest

from hca_core.errors import ApiError
from hca_core.openapi.pages import Page, content_key, follow, items, merge, next_url

HERE = "https://dss.example.org/v1/bundles/all?replica=aws"
NEXT = "https://dss.example.org/v1/bundles/all?token=2,3&x=a;b"


@pytest.mark.parametrize(
    "link",
    [
        f'<{NEXT}>; rel="next"',
        f"<{NEXT}>; rel='next'",
        f"<{NEXT}>; rel=next",
        f"<{NEXT}>;rel=next",
        f"< {NEXT} > ; title=x ; REL = NEXT",
        f'<https://dss.example.org/1>; rel="prev", <{NEXT}>; rel="next"',
        f"<{NEXT}>; rel='next', <https://dss.example.org/1>; rel=first",
        f'<{NEXT}>; rel="last next"; title="a, b"',
        "</v1/bundles/all?token=2,3&x=a;b>; rel=next",
        "<?token=2,3&x=a;b>; rel=next",
        "<//dss.example.org:443/v1/bundles/all?token=2,3&x=a;b>; rel=next",
    ],
)
def test_links_are_read_tolerantly(link: str) -> None:
    url = next_url({"Link": link}, HERE)
    assert url
    assert url.replace(":443", "") == NEXT
    assert next_url({"link": link}, HERE) == url


@pytest.mark.parametrize(
    "headers",
    [{}, {"Link": ""}, {"Link": f'<{NEXT}>; rel="prev"'}, {"Link": NEXT}, {"Link": f"<{NEXT}>; rel=nextpage"}],
)
def test_no_link_is_the_end(headers: dict[str, str]) -> None:
    assert next_url(headers, HERE) is None


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example.org/v1",
        "//elsewhere.example.org/v1",
        "http://dss.example.org/v1/bundles/all?token=1",
        "https://dss.example.org:8443/v1",
        "https://user@dss.example.org/v1",
        "https://dss.example.org@elsewhere.example.org/",
        "file:///etc/passwd",
        "https://[broken/",
        "https://dss.example.org:port/",
    ],
)
def test_links_to_other_places_are_refused(target: str) -> None:
    with pytest.raises(ApiError, match="is not on the same host") as caught:
        next_url({"Link": f"<{target}>; rel=next"}, HERE)
    assert target in caught.value.message


def test_a_link_may_lead_from_http_to_https() -> None:
    assert next_url({"Link": "<https://a.example/2>; rel=next"}, "http://a.example/1") == "https://a.example/2"


@pytest.mark.parametrize("link", ["<" * 60_000, "<a>;" + " " * 60_000, "<a>" + "; rel = " * 8_000, "<a>;" * 15_000])
def test_a_long_hostile_header_is_read_in_the_end(link: str) -> None:
    assert next_url({"Link": link}, HERE) is None  # with a careless expression this takes hours


def test_the_content_key() -> None:
    named = {"X-OpenAPI-Paginated-Content-Key": "bundle.files"}
    assert content_key(named, {}, "old") == "bundle.files"
    assert content_key({"x-openapi-paginated-content-key": "a"}, {}) == "a"
    assert content_key({}, {"results": [], "users": []}, "users") == "users"
    assert content_key({}, {"results": [], "other": []}) == "results"
    assert content_key({}, {"users": [], "n": 1}) == "users"
    assert content_key({}, [1]) == "results"


def test_items_are_at_the_dotted_key() -> None:
    assert items(Page({"bundle": {"files": [1, 2]}}, "bundle.files")) == [1, 2]


@pytest.mark.parametrize("body", [{}, {"bundle": {}}, {"bundle": [1]}, {"bundle": {"files": "x"}}, [], b"x", None])
def test_a_page_without_its_list_is_an_error(body: object) -> None:
    with pytest.raises(ApiError, match=r"no list at 'bundle\.files'"):
        items(Page(body, "bundle.files"))


def test_merging_keeps_the_first_body_and_drops_what_describes_a_page() -> None:
    first = {"bundle": {"uuid": "u", "files": [1]}, "has_more": True, "link": "x", "token": "t", "note": "kept"}
    second = {"bundle": {"uuid": "u", "files": [2, 3]}, "has_more": False}
    pages = [Page(first, "bundle.files"), Page(second, "bundle.files")]
    assert merge(pages) == {"bundle": {"uuid": "u", "files": [1, 2, 3]}, "note": "kept"}
    assert first["bundle"] == {"uuid": "u", "files": [1]}


def test_one_page_alone_needs_no_list() -> None:
    assert merge([Page({"message": "nothing here", "has_more": False}, "results")]) == {"message": "nothing here"}
    assert merge([Page([1, 2], "results")]) == [1, 2]


def test_a_list_may_be_called_like_page_state() -> None:
    assert merge([Page({"token": [1]}, "token"), Page({"token": [2]}, "token")]) == {"token": [1, 2]}


def served(pages: dict[str, tuple[str | None, object]]):
    """A fetch function over `{path: (next path, body)}`, and the list of what it was asked."""
    asked: list[str] = []

    def fetch(url: str):
        asked.append(url)
        following, body = pages[url.removeprefix("https://a.example")]
        return ({"Link": f"<{following}>; rel=next"} if following else {}), body

    return fetch, asked


def test_pages_are_followed_one_by_one() -> None:
    fetch, asked = served({"/1": ("/2", {"users": [1]}), "/2": (None, {"users": [2], "other": []})})
    pages = follow(fetch, "https://a.example/1")
    assert asked == []
    assert next(pages) == Page({"users": [1]}, "users")
    assert asked == ["https://a.example/1"]
    assert [page.key for page in pages] == ["users"]


def test_a_circle_of_pages_ends_in_an_error() -> None:
    fetch, asked = served({"/1": ("/2", {"results": [1]}), "/2": ("/1", {"results": [2]})})
    with pytest.raises(ApiError, match="already read"):
        list(follow(fetch, "https://a.example/1"))
    assert len(asked) == 2
