import json
import sys
from pathlib import Path

import pytest

from hca_core.errors import NetworkError, SpecError
from hca_core.openapi.document import WEEK, DescriptionCache, References, bundled, loads

URL = "https://dss.example.org/v1/swagger.json"


def test_a_description_is_a_json_object() -> None:
    assert loads('{"swagger": "2.0"}', "x") == {"swagger": "2.0"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "a": nope}', "here.json:2:8: not valid JSON: Expecting value."),
        ("[1]", "here.json: an API description is a JSON object, not list."),
        ("[" * 100_000, "here.json: nested too deeply."),
    ],
)
def test_bad_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text, "here.json")
    assert caught.value.message == message


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that cannot be imported, with a description in it."""
    folder = tmp_path / "untouchable"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    (folder / "data" / "api.json").write_text('{"swagger": "2.0"}')
    monkeypatch.syspath_prepend(tmp_path)
    return "untouchable"


def test_bundled_descriptions_are_read_without_importing_the_package(package: str) -> None:
    assert bundled(f"{package}:data/api.json") == {"swagger": "2.0"}
    assert bundled(f"{package}.data:api.json") == {"swagger": "2.0"}
    assert package not in sys.modules


def test_a_missing_file_or_package_is_named(package: str) -> None:
    with pytest.raises(SpecError, match=r"untouchable:data/none\.json cannot be read: No such file"):
        bundled(f"{package}:data/none.json")
    with pytest.raises(SpecError, match="'no_such_package'") as caught:
        bundled("no_such_package:api.json")
    assert caught.value.hint == "Install no-such-package from where hca-core came from."


def test_references_are_replaced() -> None:
    document = {
        "definitions": {"a/b": {"type": "string"}, "c": {"items": {"$ref": "#/definitions/a~1b"}}},
        "list": [{"x": 1}],
    }
    resolve = References(document).resolve
    assert resolve({"schema": {"$ref": "#/definitions/c"}}) == {"schema": {"items": {"type": "string"}}}
    assert resolve({"$ref": "#/list/0"}) == {"x": 1}
    assert resolve({"$ref": "#/definitions/a%7E1b", "description": "own"}) == {"type": "string", "description": "own"}


def test_data_and_names_are_no_references() -> None:
    node = {
        "default": {"$ref": "#/nowhere"},
        "x-note": {"$ref": "#/nowhere"},
        "properties": {"$ref": {"type": "string"}, "default": {"$ref": "#/definitions/a"}},
    }
    assert References({"definitions": {"a": {"type": "integer"}}}).resolve(node) == {
        "default": {"$ref": "#/nowhere"},
        "x-note": {"$ref": "#/nowhere"},
        "properties": {"$ref": {"type": "string"}, "default": {"type": "integer"}},
    }


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("#/definitions/a", "in a circle: #/definitions/a -> #/definitions/b -> #/definitions/a"),
        ("#/definitions/none", "refers to '#/definitions/none', which does not exist"),
        ("https://elsewhere.example.org/x.json", "which is outside of the document"),
        ("other.json#/definitions/a", "which is outside of the document"),
        ("#anchor", "which is outside of the document"),
    ],
)
def test_bad_references_are_named(reference: str, message: str) -> None:
    document = {
        "definitions": {
            "a": {"properties": {"child": {"$ref": "#/definitions/b"}}},
            "b": {"items": {"$ref": "#/definitions/a"}},
        }
    }
    with pytest.raises(SpecError) as caught:
        References(document).resolve({"schema": {"$ref": reference}})
    assert message in caught.value.message


class Clock:
    """Time that passes when told, starting now, because files are dated by the system."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.passed = 0.0

    def __call__(self) -> float:
        newest = max(entry.stat().st_mtime for entry in self.file.iterdir())
        return newest + self.passed


@pytest.fixture
def cache(tmp_path: Path) -> DescriptionCache:
    return DescriptionCache(tmp_path / "descriptions", clock=Clock(tmp_path / "descriptions"))


def fetch_one(url: str) -> str:
    return json.dumps({"swagger": "2.0", "from": url})


def fetch_nothing(url: str) -> str:
    raise NetworkError("No route.", url=url)


def fail(url: str) -> str:
    raise AssertionError("the network was asked")


def test_a_fetched_description_is_kept_for_a_week(cache: DescriptionCache) -> None:
    assert cache.cached(URL) is None
    assert cache.load(URL, fetch_one)["from"] == URL
    assert cache.load(URL, fail) == cache.cached(URL) == {"swagger": "2.0", "from": URL}
    cache._clock.passed = WEEK
    assert cache.load(URL, lambda url: '{"swagger": "2.0", "new": 1}') == {"swagger": "2.0", "new": 1}


def test_an_old_copy_is_better_than_none(cache: DescriptionCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.load(URL, fetch_one)
    cache._clock.passed = 10 * WEEK
    assert cache.load(URL, fetch_nothing)["from"] == URL
    assert f"No route. Using the copy of {URL}" in caplog.text


def test_without_any_copy_the_failure_is_the_callers(cache: DescriptionCache) -> None:
    with pytest.raises(NetworkError):
        cache.load(URL, fetch_nothing)


def test_what_is_no_description_is_not_kept(cache: DescriptionCache) -> None:
    with pytest.raises(SpecError, match=f"{URL}:1:1"):
        cache.load(URL, lambda url: "<html>")
    assert cache.cached(URL) is None


def test_a_damaged_copy_is_fetched_again(cache: DescriptionCache) -> None:
    cache.load(URL, fetch_one)
    next(cache.folder.iterdir()).write_text("{")
    assert cache.cached(URL) is None
    assert cache.load(URL, fetch_one)["from"] == URL


def test_a_copy_from_the_future_is_fetched_again(cache: DescriptionCache) -> None:
    cache.load(URL, fetch_one)
    cache._clock.passed = -3600
    assert cache.load(URL, lambda url: '{"new": 1}') == {"new": 1}


def test_each_address_has_its_own_file(cache: DescriptionCache) -> None:
    for url in (URL, URL + "?a/b", URL + "x" * 1000):
        cache.load(url, fetch_one)
    names = [file.name for file in cache.folder.iterdir()]
    assert len(names) == 3
    assert max(map(len, names)) < 255
    assert not cache.is_empty()
    cache.clear()
    assert list(cache.folder.iterdir()) == []
    assert cache.is_empty()
    assert DescriptionCache(cache.folder / "none").is_empty()


def test_a_file_in_the_place_of_the_folder_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert DescriptionCache(tmp_path / "x").load(URL, fetch_one)["from"] == URL
