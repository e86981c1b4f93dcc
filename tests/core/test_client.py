import copy
import inspect
import pydoc
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from small_service import BOOK, BROKEN_BOOK, CONTENT, Service, SmallApp, running

from hca_core.client import ApiClient
from hca_core.errors import ApiError, ArgumentError, AuthError, NetworkError, SpecError
from hca_core.http import Session, exact_bytes
from hca_core.openapi.parse import parse
from hca_core.records import Credentials
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, FakeServer


class LibraryClient(ApiClient):
    service = "library"

    def borrow(self) -> str:
        return "borrowed"


def session(**options: Any) -> Session:
    return Session(policy=RetryPolicy(attempts=1), **options)


def client_of(service: Service, **options: Any) -> LibraryClient:
    return LibraryClient(app=SmallApp(lambda: service.api, lambda: session(**options)))


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as found:
        yield found


@pytest.fixture
def client(service: Service) -> Iterator[LibraryClient]:
    with client_of(service) as found:
        yield found


def test_nothing_happens_before_the_first_call() -> None:
    app = SmallApp(lambda: pytest.fail("api"), lambda: pytest.fail("session"))
    client = LibraryClient(swagger_url="https://x.example/swagger.json", app=app, token="t")
    assert client.borrow() == "borrowed"
    assert app.asked == []


def test_what_is_given_reaches_the_app(service: Service) -> None:
    app = SmallApp(lambda: service.api, session)
    client = LibraryClient(swagger_url="https://x.example/swagger.json", app=app, read_timeout=5)
    client.get_book(BOOK)
    client.get_book(BOOK)
    assert app.asked == [
        "api library https://x.example/swagger.json",
        f"session library {service.url}/v1",
    ]
    assert app.options == {"read_timeout": 5}


def test_json_comes_parsed_and_other_content_as_bytes(client: LibraryClient) -> None:
    assert client.get_book(uuid=BOOK, as_json=True) == {"uuid": BOOK, "service": "Library"}
    assert client.get_book(uuid=BOOK) == CONTENT


def answered(answer: Answer, responses: dict[str, Any] | None = None) -> Any:
    """What the method of an operation with these declared responses returns for this answer."""
    with FakeServer() as server:
        server.on("GET", "/thing", answer)
        server.on("GET", "/other", Answer.json("next"))
        paths = {name: {"get": {"responses": responses or {"200": {}}}} for name in ("/thing", "/other")}
        api = parse({"openapi": "3.0.0", "paths": paths}, source_url=server.url)
        with LibraryClient(app=SmallApp(lambda: api, session)) as client:
            value = client.get_thing()
            assert client.get_other() == "next"
        return value


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", "Grüße\n".encode()),
        ("text/html; charset=latin-1", "Grüße\n".encode("latin-1")),
        ("text/html; charset=nonsense", "Grüße\n".encode()),
    ],
)
def test_text_comes_decoded(content_type: str, body: bytes) -> None:
    assert answered(Answer(body=body, headers={"Content-Type": content_type})) == "Grüße\n"


def test_text_that_may_be_a_file_stays_as_it_is() -> None:
    answer = Answer(body=b"a\r\n\xff", headers={"Content-Type": "text/plain"})
    assert answered(answer, {"302": {}}) == b"a\r\n\xff"
    json_answer = {"302": {}, "200": {"content": {"application/json": {}}}}
    assert answered(Answer.json({"a": 1}), json_answer) == {"a": 1}


def test_where_something_is_in_an_object_store_is_an_answer() -> None:
    answer = Answer.redirect("s3://bucket/blobs/a.b")
    assert answered(answer, {"302": {}}) == "s3://bucket/blobs/a.b"
    with pytest.raises(NetworkError, match="not followed"):
        answered(answer)


@pytest.mark.parametrize(
    "answer",
    [Answer(304), Answer(304, headers={"Content-Type": "application/json"}), Answer.json({"msg": "as it was"}, 304)],
)
def test_nothing_changed_is_none(answer: Answer) -> None:
    """Also from a service that sends a body, which is against the rules of HTTP."""
    assert answered(answer, {"200": {}, "304": {}}) is None


def test_head_gives_the_response(client: LibraryClient) -> None:
    response = client.head_book(BOOK)
    assert response.headers["x-book-size"] == str(len(CONTENT))
    assert response.content == b""


def test_the_body_is_json(service: Service, client: LibraryClient) -> None:
    client = client_of(service, authorize=lambda rejected: Credentials("sesame", "test"))
    client.put_book(title="T", uuid=BOOK, chapters=({"n": 1},), edition="3")
    (request,) = service.requests
    assert request["body"] == {"title": "T", "chapters": [{"n": 1}], "edition": 3}
    assert request["path"] == f"/v1/books/{BOOK}"
    assert request["headers"]["Authorization"] == "Bearer sesame"


def test_credentials_are_asked_for_only_where_they_are_needed(service: Service) -> None:
    def refuse(rejected: str | None) -> Credentials:
        raise AuthError("None here.")

    client = client_of(service, authorize=refuse)
    client.get_book(BOOK)
    with pytest.raises(AuthError):
        client.put_book("T", BOOK)
    assert len(service.requests) == 1


def test_arguments_go_by_position_or_by_name(service: Service, client: LibraryClient) -> None:
    client.get_book(BOOK, True)
    assert service.requests[0]["query"] == {"as_json": "true"}
    with pytest.raises(ArgumentError, match="get_book takes 2 arguments, but 3 were given") as caught:
        client.get_book(BOOK, True, 5)
    assert caught.value.hint.startswith("Call it as LibraryClient.get_book(uuid: str")
    with pytest.raises(ArgumentError, match="get_book got uuid twice"):
        client.get_book(BOOK, uuid=BOOK)
    with pytest.raises(ArgumentError, match="get_book needs uuid"):
        client.get_book()


def test_a_call_gives_one_page(service: Service, client: LibraryClient) -> None:
    assert client.get_books(per_page=2)["shelf"]["books"] == ["book 0", "book 1"]
    assert len(service.requests) == 1


def test_pages(service: Service, client: LibraryClient) -> None:
    assert [page["shelf"]["books"] for page in client.get_books.paginate()] == [
        ["book 0", "book 1"],
        ["book 2", "book 3"],
        ["book 4"],
    ]
    assert list(client.get_books.iterate(per_page=2)) == [f"book {number}" for number in range(5)]
    assert client.get_books.collect() == {"shelf": {"name": "top", "books": [f"book {number}" for number in range(5)]}}


def test_the_link_is_followed_as_it_is(service: Service, client: LibraryClient) -> None:
    list(client.get_books.iterate(per_page=2, sorted=True))
    assert [request["path"] for request in service.requests] == [
        "/v1/books?per_page=2&sorted=true",
        "/v1/books?mode=good&start_at=2",
        "/v1/books?mode=good&start_at=4",
    ]


def test_pages_are_fetched_when_they_are_needed(service: Service, client: LibraryClient) -> None:
    books = client.get_books.iterate()
    assert service.requests == []
    assert [next(books), next(books)] == ["book 0", "book 1"]
    assert len(service.requests) == 1


def test_misuse_of_pages_shows_at_once(client: LibraryClient) -> None:
    for start in (client.get_books.iterate, client.get_books.paginate, client.get_books.collect):
        with pytest.raises(ArgumentError):
            start(nonsense=1)


def test_a_search_is_posted_again_for_each_page(service: Service, client: LibraryClient) -> None:
    found = client.post_search.collect(query={"title": "T"})
    asked = {"query": {"title": "T"}}
    assert found == {"results": [{"page": page, "asked": asked} for page in range(3)], "total_hits": 3}
    assert [request["method"] for request in service.requests] == ["POST"] * 3


@pytest.mark.parametrize(
    ("mode", "message", "requests"),
    [("loop", "already read", 2), ("abroad", "not on the same host", 1), ("keyless", r"no list at 'nothing\.here'", 1)],
)
def test_pages_that_lead_astray(
    service: Service, client: LibraryClient, mode: str, message: str, requests: int
) -> None:
    with pytest.raises(ApiError, match=message):
        list(client.get_books.iterate(mode=mode))
    assert len(service.requests) == requests


def test_a_stream_is_read_by_the_caller(service: Service, client: LibraryClient) -> None:
    with client.get_book.stream(uuid=BOOK) as response:
        assert response.raw.read(4) == CONTENT[:4]
        assert b"".join(exact_bytes(response)) == CONTENT[4:]
    assert response.raw.closed
    assert service.requests[0]["headers"]["Accept-Encoding"] == "identity"


def test_a_broken_stream_is_a_network_error(client: LibraryClient) -> None:
    with (
        client.get_book.stream(uuid=BROKEN_BOOK) as response,
        pytest.raises(NetworkError, match="broke before the answer was complete"),
    ):
        list(exact_bytes(response))


def test_methods_can_be_called_from_many_threads(client: LibraryClient) -> None:
    uuids = [BOOK[:-2] + f"{number:02}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda uuid: client.get_book(uuid=uuid, as_json=True)["uuid"], uuids))
    assert answers == uuids


def test_two_clients_do_not_mix(service: Service) -> None:
    with running("Other") as other:
        one, two = client_of(service), client_of(other)
        first, second = one.get_book, two.get_book
        assert second(uuid=BOOK, as_json=True)["service"] == "Other"
        assert first(uuid=BOOK, as_json=True)["service"] == "Library"
        assert len(service.requests) == len(other.requests) == 1


def test_a_method_is_made_once(client: LibraryClient) -> None:
    assert client.get_book is client.get_book
    assert client.method("get_book") is client.get_book


def test_methods_describe_themselves(client: LibraryClient) -> None:
    method = client.put_book
    assert method.__name__ == "put_book"
    assert str(inspect.signature(method)).startswith(
        "(title: str, uuid: str, chapters: list[typing.Any] | None = None,"
    )
    assert repr(method).startswith("LibraryClient.put_book(title: str, uuid: str")
    text = pydoc.plain(pydoc.render_doc(method))
    assert "put_book(title: str" in text
    assert "Twice is harmless." in text
    assert "title (str): On the cover." in text
    assert {"get_book", "get_books", "head_book", "put_book", "post_search", "borrow"} <= set(dir(client))


def test_names_that_are_no_operations(client: LibraryClient) -> None:
    with pytest.raises(
        AttributeError, match=r"The API 'Library' has no operation 'get_boks'. Did you mean 'get_books'\?"
    ):
        _ = client.get_boks
    with pytest.raises(ArgumentError):
        client.method("get_boks")
    assert not hasattr(client, "zzz")
    assert not hasattr(client, "_private")
    assert copy.copy(client).borrow() == "borrowed"


def test_a_broken_description_is_an_error_of_its_own() -> None:
    def broken() -> Any:
        raise SpecError("Broken.")

    client = LibraryClient(app=SmallApp(broken, session))
    with pytest.raises(SpecError):
        client.get_book(BOOK)
    assert "borrow" in dir(client)


def test_a_bug_in_a_property_does_not_go_in_circles() -> None:
    def bug() -> Any:
        raise AttributeError("deep down")

    with pytest.raises(AttributeError):
        LibraryClient(app=SmallApp(bug, session)).get_book(BOOK)


def test_a_closed_client_opens_again(client: LibraryClient) -> None:
    client.get_book(BOOK)
    before = client.session
    client.close()
    assert client.get_book(BOOK) == CONTENT
    assert client.session is not before


def test_importing_the_client_is_light() -> None:
    code = "import sys, hca_core.client; print({'requests', 'urllib3', 'click', 'boto3'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
