import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_core.client import ApiClient
from hca_core.errors import PluginError
from hca_core.openapi.describe import signature
from hca_core.openapi.model import Api, Operation, Parameter
from hca_core.openapi.stubs import exports, stub

UUID = Parameter("uuid", "path", required=True)
GET_BOOKS = Operation(
    "get_books",
    "GET",
    "/books",
    summary="List books",
    parameters=(
        Parameter("per_page", "query", "integer", default=2),
        Parameter("order", "query", required=True, enum=("title", "year")),
        Parameter("edition", "query", "integer", enum=(1, 2)),
        Parameter("price", "query", "number"),
        Parameter("from", "query", "boolean"),
    ),
    paginated=True,
)
PUT_BOOK = Operation(
    "put_book",
    "PUT",
    "/books/{uuid}",
    description="Write a book.\nTwice is harmless.",
    parameters=(
        UUID,
        Parameter("content-type", "header"),
        Parameter("chapters", "body", "array", required=True, item_type="string"),
        Parameter("details", "body", "object"),
        Parameter("anything", "body", "any"),
        Parameter("needed", "body", "any", required=True),
    ),
)
HEAD_BOOK = Operation("head_book", "HEAD", "/books/{uuid}", summary="Look at a book", parameters=(UUID,))
GET_JWKS = Operation("get_jwks.json", "GET", "/.well-known/jwks.json")

EXPECTED = '''
class _GetBooks(_Operation):
    def __call__(
        self,
        order: Literal["title", "year"],
        per_page: int | None = ...,
        edition: Literal[1, 2] | None = ...,
        price: float | None = ...,
        from_: bool | None = ...,
    ) -> Any:
        """List books"""

class _PutBook(_Operation):
    def __call__(
        self,
        uuid: str,
        chapters: list[Any],
        needed: Any,
        content_type: str | None = ...,
        details: dict[str, Any] | None = ...,
        anything: Any = ...,
    ) -> Any:
        """Write a book."""

class _HeadBook(_Operation):
    def __call__(
        self,
        uuid: str,
    ) -> Response:
        """Look at a book"""

class _GetJwksJson(_Operation):
    def __call__(self) -> Any: ...

class LibraryClient(_LibraryClient):
    """Lends books."""

    get_books: _GetBooks
    """List books"""

    put_book: _PutBook
    """Write a book."""

    head_book: _HeadBook
    """Look at a book"""

    get_jwks_json: _GetJwksJson
'''


def client(**members: Any) -> type:
    """A client class that was written in the module `library.client`."""
    documentation = "Lends books.\n\nAnd takes them back."
    return type("LibraryClient", (ApiClient,), {"__module__": "library.client", "__doc__": documentation, **members})


def text(*operations: Operation, **members: Any) -> str:
    return stub(Api("Library", "1", "https://example.org", "", operations), client(**members), {"LibraryClient": None})


def functions(source: str) -> dict[str, ast.FunctionDef]:
    """The `__call__` of each operation's class."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    calls = {found.name: found.body[0] for found in classes if isinstance(found.bases[0], ast.Name)}
    return {name: node for name, node in calls.items() if isinstance(node, ast.FunctionDef) and name != "_Operation"}


def test_a_small_api() -> None:
    head, start, rest = text(GET_BOOKS, PUT_BOOK, HEAD_BOOK, GET_JWKS).partition("\nclass _GetBooks")
    assert start + rest == EXPECTED
    assert "\nfrom library.client import LibraryClient as _LibraryClient\n" in head
    assert '\n__all__ = ["LibraryClient"]\n' in head


def test_the_package_keeps_its_other_names() -> None:
    exported = {"Book": "library.book", "LibraryClient": "library.client", "SHELVES": None}
    lines = stub(Api("Library", "1", "", "", ()), client(), exported).splitlines()
    assert "from library.book import Book as Book" in lines
    assert "SHELVES: Any" in lines
    assert '__all__ = ["Book", "LibraryClient", "SHELVES"]' in lines


def test_arguments_are_those_of_the_method() -> None:
    for operation in (GET_BOOKS, PUT_BOOK, HEAD_BOOK):
        (call,) = functions(text(operation)).values()
        names = [argument.arg for argument in call.args.args][1:]
        optional = len(call.args.defaults)
        found = signature([operation]).parameters
        assert names == list(found)
        assert names[: len(names) - optional] == [name for name in names if found[name].default is found[name].empty]


def test_arguments_that_are_tolerated_are_no_mistake() -> None:
    found = text(HEAD_BOOK, GET_JWKS, tolerated={"head_book": frozenset({"uuid", "shelf"}), "get_jwks.json": {"a"}})
    assert "        uuid: str,\n        *,\n        shelf: Any = ...,\n    ) -> Response:" in found
    assert (
        "class _GetJwksJson(_Operation):\n    def __call__(\n        self,\n        *,\n        a: Any = ...," in found
    )


def test_operations_that_share_a_name_are_one() -> None:
    area = Operation("post_area", "POST", "/area/{uuid}", summary="Make an area", parameters=(UUID,))
    file = Operation("post_area", "POST", "/area/{uuid}/{f}", parameters=(UUID, Parameter("f", "path", required=True)))
    found = text(area, file)
    assert found.count("class _PostArea(") == found.count("    post_area: _PostArea\n") == 1
    assert "        uuid: str,\n        f: str | None = ...,\n" in found


def test_a_method_written_by_hand_is_the_one_that_counts() -> None:
    found = text(GET_BOOKS, HEAD_BOOK, get_books=lambda self: [])
    assert "get_books" not in found
    assert "    head_book: _HeadBook\n" in found


def test_names_that_no_program_could_write_are_left_out() -> None:
    strange = [Operation(name, "GET", "/") for name in ("_private", "get_x²", "")]
    found = text(*strange, Operation("get_y", "GET", "/y", parameters=(Parameter("n²", "query"),)))
    assert list(functions(found)) == ["_GetY"]
    assert "²" not in found


def test_names_that_would_meet_are_kept_apart() -> None:
    found = text(
        Operation("get_a_b", "GET", "/a/b", parameters=(Parameter("self", "body"),)), Operation("get_aB", "GET", "/aB")
    )
    assert "    get_a_b: _GetAB\n" in found
    assert "    get_aB: _GetAB_" in found
    assert [argument.arg for argument in functions(found)["_GetAB"].args.args] == ["self_", "self"]


@pytest.mark.parametrize(
    "words", ['"""', 'say "x"', "back\\", "\\N{x}", "\x00\x1b[2J", "a\x0cb\r\nclass X", "\ud800", "é ☃ \u202e"]
)
def test_a_services_words_stay_words(words: str) -> None:
    parameter = Parameter("x", "query", required=True, enum=(words, 'a"'))
    source = text(Operation("get_x", "GET", "/x", summary=words, parameters=(parameter,)))
    call = functions(source.encode().decode())["_GetX"]
    annotation = call.args.args[1].annotation
    assert isinstance(annotation, ast.Subscript)
    assert ast.literal_eval(annotation.slice) == (words, 'a"')
    assert (ast.get_docstring(call, clean=False) or "").split() == words.split()


def test_choices_that_a_literal_cannot_say() -> None:
    found = text(Operation("get_x", "GET", "/x", parameters=(Parameter("x", "query", "number", enum=(0.5, 1)),)))
    assert "        x: float | None = ...,\n" in found


def test_long_words_are_wrapped() -> None:
    assert max(map(len, text(Operation("get_x", "GET", "/x", summary="many words " * 50)).splitlines())) <= 120


def test_nothing_to_say() -> None:
    assert text(__doc__="").endswith("\n\nclass LibraryClient(_LibraryClient): ...\n")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to write packages into; they can be imported, and are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("stub_library")]:
        del sys.modules[name]


def write(folder: Path, start: str) -> type:
    package = folder / "stub_library"
    package.mkdir()
    (package / "client.py").write_text("class LibraryClient: ...\nclass Book: ...\nbooks = [Book()]\n")
    (package / "__init__.py").write_text(start)
    from stub_library.client import LibraryClient  # type: ignore[import-not-found]

    assert isinstance(LibraryClient, type)
    return LibraryClient


def test_exports_of_a_package(shelf: Path) -> None:
    found = write(
        shelf,
        "from stub_library.client import Book, LibraryClient, books\n"
        "def lend(): ...\n"
        "__all__ = ['Book', 'LibraryClient', 'books', 'lend']\n",
    )
    home = "stub_library.client"
    assert exports(found) == {"LibraryClient": home, "Book": home, "books": None, "lend": None}


def test_a_package_that_does_not_export_its_client(shelf: Path) -> None:
    with pytest.raises(PluginError, match=r"stub_library\.client\.LibraryClient cannot be described") as caught:
        exports(write(shelf, ""))
    assert "__init__.py" in (caught.value.hint or "")


def test_a_client_outside_of_a_package() -> None:
    with pytest.raises(PluginError, match="no package exports it"):
        exports(type("Alone", (), {"__module__": "alone"}))
