"""The operations on bundles, as the worked examples have them."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, entries, file_uuid, page

from hca_core.openapi.pages import next_url

PATH = f"/bundles/{BUNDLE_UUID}"
PATCHED = "2024-05-01T120500.123456Z"


def problem(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def stored_form(entry: dict[str, Any]) -> dict[str, Any]:
    return {("s3-etag" if key == "s3_etag" else key): value for key, value in entry.items()}


def renamed(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {**entry, "name": name}


# ── put ──


def test_put_creates_repeats_and_refuses_other_content(dss: Any) -> None:
    files = dss.put_files()
    created = dss.put_bundle(files)
    assert created.status_code == 201
    assert created.json() == {
        "version": BUNDLE_VERSION,
        "manifest": {
            "format": "0.0.1",
            "version": BUNDLE_VERSION,
            "files": [stored_form(entry) for entry in entries()],
            "creator_uid": 8008,
        },
    }
    repeated = dss.put_bundle(files)
    assert (repeated.status_code, repeated.json()) == (200, created.json())
    assert problem(dss.put_bundle(files[::-1])) == (409, "bundle_already_exists")
    assert problem(dss.put_bundle(files[:-1])) == (409, "bundle_already_exists")
    assert problem(dss.put_bundle([{**files[0], "indexed": False}, *files[1:]])) == (409, "bundle_already_exists")
    other_creator = {"creator_uid": 1, "files": files}
    conflict = dss.send("PUT", PATH, body=other_creator, replica="aws", version=BUNDLE_VERSION)
    assert problem(conflict) == (409, "bundle_already_exists")


def test_put_takes_uuids_in_upper_case(dss: Any) -> None:
    files = [{**one, "uuid": one["uuid"].upper()} for one in dss.put_files()]
    assert dss.put_bundle(files, BUNDLE_UUID.upper()).status_code == 201
    assert dss.send("GET", PATH, replica="aws").json() == page()


def test_put_of_nothing_and_of_one_file_twice(dss: Any) -> None:
    files = dss.put_files()
    assert dss.put_bundle([]).status_code == 201
    twice = [renamed(files[0], "a.json"), renamed(files[0], "A.json")]
    assert dss.put_bundle(twice, version=PATCHED).status_code == 201


def test_put_explains_what_is_wrong_with_the_files(dss: Any, marker: dict[str, Any]) -> None:
    files = dss.put_files()
    twice = dss.put_bundle([renamed(one, "a.json") for one in files])
    assert problem(twice) == (400, "duplicate_filename")
    assert "a.json" in twice.json()["title"]
    missing = dss.put_bundle([*files, {**marker, "uuid": file_uuid(77), "name": "x"}])
    assert problem(missing) == (400, "file_missing")
    assert file_uuid(77) in missing.json()["title"]
    assert dss.send("GET", PATH, replica="aws").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["", "/abs", "~/x", ".", "..", "../x", "a/../b", "a./b", "a/.hidden", "a//b", "dir/", "a\\b", "a\nb", "a\n", "a\0b",
     "a\x7fb", "a\x85b", "x" * 256, "ü" * 128, "/".join(["abcdefg"] * 120), "\ud800"],
)  # fmt: skip
def test_put_refuses_dangerous_names(dss: Any, marker: dict[str, Any], name: str) -> None:
    dss.put_files()
    assert problem(dss.put_bundle([renamed(marker, name)])) == (400, "illegal_arguments")


@pytest.mark.parametrize("name", [".hidden", "..a", "...", "C:x", "bundle.json", "x" * 255, "a b/ü.txt", "%2e%2e/x"])
def test_put_takes_unusual_names(dss: Any, marker: dict[str, Any], name: str) -> None:
    dss.put_files()
    assert dss.put_bundle([renamed(marker, name)]).status_code == 201
    shown = dss.send("GET", PATH, replica="aws", presignedurls="true").json()["bundle"]["files"][0]
    assert shown["name"] == name
    assert requests.get(shown["url"], timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": "yesterday"}, "illegal_version"),
        ({"uuid": "x"}, "illegal_arguments"),
        ({"indexed": "yes"}, "illegal_arguments"),
        ({"name": None}, "illegal_arguments"),
    ],
)
def test_put_checks_every_entry(dss: Any, marker: dict[str, Any], changes: dict[str, Any], code: str) -> None:
    dss.put_files()
    refused = dss.put_bundle([renamed(marker, "x"), {**marker, **changes}])
    assert problem(refused) == (400, code)
    assert refused.json()["title"].startswith(f"The body.files[1].{next(iter(changes))}: ")


def test_put_needs_a_token_of_any_group(dss: Any) -> None:
    assert problem(dss.put_bundle([], user=None)) == (401, "OAuthProblem")
    assert dss.put_bundle([], user="bob").status_code == 201


# ── get ──


@pytest.mark.parametrize("replica", ["aws", "gcp"])
@pytest.mark.parametrize("version", [None, BUNDLE_VERSION])
def test_get_shows_the_bundle_in_both_replicas(dss: Any, replica: str, version: str | None) -> None:
    dss.put_example()
    answer = dss.send("GET", PATH, user=None, replica=replica, version=version)
    assert (answer.status_code, answer.json()) == (200, page())
    assert answer.headers["X-OpenAPI-Pagination"] == "false"
    assert answer.headers["X-OpenAPI-Paginated-Content-Key"] == "bundle.files"
    assert "Link" not in answer.headers


def test_get_in_pages(dss: Any) -> None:
    marker = dss.put_files()[4]
    names = [f"{number}.marker" for number in range(25)]
    dss.put_bundle([renamed(marker, name) for name in names])
    answer = dss.send("GET", PATH, replica="aws", per_page=10)
    newer = "2024-06-01T000000.000000Z"
    dss.put_bundle([], version=newer)
    seen, statuses = [], []
    while True:
        seen += [one["name"] for one in answer.json()["bundle"]["files"]]
        statuses.append((answer.status_code, answer.headers["X-OpenAPI-Pagination"]))
        url = next_url(answer.headers, answer.url)
        if url is None:
            break
        answer = dss.send("GET", url, user=None)
    assert seen == names
    assert statuses == [(206, "true"), (206, "true"), (200, "false")]
    assert dss.send("GET", PATH, replica="aws").json()["bundle"]["version"] == newer


def test_get_links_to_the_next_page_of_the_same_version(dss: Any) -> None:
    marker = dss.put_files()[4]
    dss.put_bundle([renamed(marker, f"{number}") for number in range(11)])
    answer = dss.send("GET", PATH, replica="aws", per_page=10, nonsense="x")
    assert answer.headers["Link"] == (
        f'<{dss.ports.dss_url}/v1{PATH}?replica=aws&per_page=10&start_at=10&version={BUNDLE_VERSION}>; rel="next"'
    )
    exact = dss.send("GET", PATH, replica="aws", per_page=11)
    assert (exact.status_code, len(exact.json()["bundle"]["files"])) == (200, 11)


@pytest.mark.parametrize(
    "query",
    [{"per_page": 9}, {"per_page": 501}, {"per_page": "ten"}, {"per_page": "1e2"}, {"per_page": "٣٠"}, {"start_at": -1},
     {"start_at": "9" * 5000}, {"directurls": "maybe"}, {"replica": "azure"}],
)  # fmt: skip
def test_get_refuses_senseless_parameters(dss: Any, query: dict[str, Any]) -> None:
    dss.put_example()
    assert problem(dss.send("GET", PATH, **{"replica": "aws", **query})) == (400, "illegal_arguments")


def test_get_beyond_the_end_is_empty(dss: Any) -> None:
    dss.put_example()
    answer = dss.send("GET", PATH, replica="aws", start_at=10**17)
    assert (answer.status_code, answer.json()) == (200, page([]))


def test_get_of_what_is_not_there(dss: Any) -> None:
    dss.put_example()
    assert problem(dss.send("GET", f"/bundles/{file_uuid(1)}", replica="aws")) == (404, "not_found")
    assert problem(dss.send("GET", PATH, replica="aws", version=PATCHED)) == (404, "not_found")
    assert problem(dss.send("GET", PATH, replica="aws", version="")) == (404, "not_found")


def test_get_with_signed_addresses(dss: Any) -> None:
    dss.put_example()
    answer = dss.send("GET", PATH, user=None, replica="gcp", presignedurls="true")
    assert answer.status_code == 200
    for one, expected in zip(answer.json()["bundle"]["files"], entries(), strict=True):
        url = one.pop("url")
        assert one == expected
        got = requests.get(url, timeout=10)
        assert (got.content, got.headers["Content-Type"]) == (CONTENTS[one["name"]], one["content-type"])


@pytest.mark.parametrize(("replica", "scheme"), [("aws", "s3"), ("gcp", "gs")])
def test_get_with_addresses_in_the_cloud(dss: Any, replica: str, scheme: str) -> None:
    dss.put_example()
    answer = dss.send("GET", PATH, replica=replica, directurls="true")
    folder = f"{scheme}://checkout/bundles/{BUNDLE_UUID}.{BUNDLE_VERSION}"
    assert [one["url"] for one in answer.json()["bundle"]["files"]] == [f"{folder}/{name}" for name in CONTENTS]
    with dss.store.open("checkout", f"bundles/{BUNDLE_UUID}.{BUNDLE_VERSION}/reads/r1.fastq") as copy:
        assert copy.read() == CONTENTS["reads/r1.fastq"]


def test_get_refuses_both_kinds_of_addresses(dss: Any) -> None:
    for uuid in (BUNDLE_UUID, file_uuid(1)):
        refused = dss.send("GET", f"/bundles/{uuid}", replica="aws", directurls="true", presignedurls="true")
        assert problem(refused) == (400, "only_one_urltype")


# ── patch ──


def patch(dss: Any, body: dict[str, Any], version: str = BUNDLE_VERSION, user: str | None = "ada") -> Any:
    return dss.send("PATCH", PATH, user=user, body=body, replica="aws", version=version)


def test_patch_makes_a_new_version(dss: Any, marker: dict[str, Any]) -> None:
    dss.put_example()
    removed = {**marker, "uuid": marker["uuid"].upper(), "indexed": True}
    answer = patch(dss, {"remove_files": [removed], "add_files": [renamed(marker, "empty2.marker")]})
    assert (answer.status_code, answer.json()) == (200, {"uuid": BUNDLE_UUID, "version": PATCHED})
    names = [*list(CONTENTS)[:4], "empty2.marker"]
    newest = dss.send("GET", PATH, replica="aws").json()["bundle"]
    assert (newest["version"], newest["creator_uid"]) == (PATCHED, 8008)
    assert [one["name"] for one in newest["files"]] == names
    assert dss.send("GET", PATH, replica="aws", version=BUNDLE_VERSION).json() == page()


def test_patch_of_nothing_makes_a_new_version_each_time(dss: Any, marker: dict[str, Any]) -> None:
    dss.put_example()
    unknown = {**marker, "version": "2000-01-01T000000.000000Z"}
    assert patch(dss, {"remove_files": [unknown]}).json()["version"] == PATCHED
    assert patch(dss, {}).json()["version"] == "2024-05-01T120500.123457Z"
    assert len(dss.send("GET", PATH, replica="aws").json()["bundle"]["files"]) == 5


def test_patch_replaces_a_file_under_its_name(dss: Any, marker: dict[str, Any]) -> None:
    files = dss.put_example()
    patch(dss, {"remove_files": [marker], "add_files": [renamed(files[3], "empty.marker")]})
    newest = dss.send("GET", PATH, replica="aws").json()["bundle"]["files"]
    assert (newest[-1]["name"], newest[-1]["size"]) == ("empty.marker", 16)


def test_patch_refuses_nonsense(dss: Any, marker: dict[str, Any]) -> None:
    dss.put_example()
    other = renamed(marker, "other")
    assert problem(patch(dss, {"add_files": [marker]})) == (400, "duplicate_filename")
    assert problem(patch(dss, {"add_files": [{**other, "uuid": file_uuid(77)}]})) == (400, "file_missing")
    assert problem(patch(dss, {"add_files": [renamed(marker, "../x")]})) == (400, "illegal_arguments")
    assert problem(patch(dss, {"add_files": [other] * 1001})) == (400, "illegal_arguments")
    assert problem(patch(dss, {"remove_files": [other] * 1001})) == (400, "illegal_arguments")
    assert problem(patch(dss, {}, version="x")) == (400, "illegal_version")
    assert problem(patch(dss, {}, version=PATCHED)) == (404, "not_found")
    assert problem(patch(dss, {}, user=None)) == (401, "OAuthProblem")
    assert problem(dss.send("PATCH", PATH, replica="aws", version=BUNDLE_VERSION)) == (400, "illegal_arguments")
    assert patch(dss, {}, user="bob").status_code == 200


# ── delete ──


def delete(
    dss: Any, reason: Any = "wrong donor", user: str | None = "root", uuid: str = BUNDLE_UUID, **query: Any
) -> Any:
    return dss.send("DELETE", f"/bundles/{uuid}", user=user, body={"reason": reason}, **{"replica": "aws", **query})


def test_delete_hides_one_version(dss: Any) -> None:
    dss.put_example()
    patch(dss, {})
    assert problem(delete(dss, user="ada", version=BUNDLE_VERSION)) == (403, "Forbidden")
    deleted = delete(dss, version=BUNDLE_VERSION)
    assert (deleted.status_code, deleted.json()) == (200, {})
    assert delete(dss, version=BUNDLE_VERSION).status_code == 200
    assert problem(delete(dss, "typo", version=BUNDLE_VERSION)) == (409, "bundle_tombstone_already_exists")
    for replica in ("aws", "gcp"):
        assert dss.send("GET", PATH, replica=replica, version=BUNDLE_VERSION).status_code == 404
        assert dss.send("GET", PATH, replica=replica).json()["bundle"]["version"] == PATCHED
    assert patch(dss, {}).status_code == 404


def test_delete_of_the_newest_version_shows_the_one_before(dss: Any) -> None:
    dss.put_example()
    patch(dss, {})
    delete(dss, version=PATCHED)
    assert dss.send("GET", PATH, replica="aws").json()["bundle"]["version"] == BUNDLE_VERSION


def test_delete_without_a_version_hides_all_there_are_and_will_be(dss: Any) -> None:
    files = dss.put_example()
    assert delete(dss, uuid=BUNDLE_UUID.upper()).status_code == 200
    assert dss.send("GET", PATH, replica="aws").status_code == 404
    assert dss.put_bundle(files).status_code == 200
    assert dss.put_bundle(files, version=PATCHED).status_code == 201
    assert dss.send("GET", PATH, replica="aws", version=PATCHED).status_code == 404
    assert dss.send("GET", PATH, replica="aws").status_code == 404
    assert delete(dss, version=BUNDLE_VERSION).status_code == 200
    assert dss.send("HEAD", f"/files/{file_uuid(1)}", replica="aws").status_code == 200


def test_delete_refuses_nonsense(dss: Any) -> None:
    dss.put_example()
    assert problem(delete(dss, uuid=file_uuid(1))) == (404, "not_found")
    assert problem(delete(dss, version=PATCHED)) == (404, "not_found")
    assert problem(delete(dss, version="")) == (404, "not_found")
    assert problem(dss.send("DELETE", PATH, user="root", body={}, replica="aws")) == (400, "illegal_arguments")
    assert problem(dss.send("DELETE", PATH, user="root", replica="aws")) == (400, "illegal_arguments")
    assert problem(delete(dss, user=None)) == (401, "OAuthProblem")


# ── list ──


def walk(dss: Any, **query: Any) -> list[tuple[int, list[tuple[str, str]]]]:
    """Status and bundles of every page."""
    answer = dss.send("GET", "/bundles/all", user=None, replica="aws", **query)
    pages = []
    while True:
        pages.append((answer.status_code, [(one["uuid"], one["version"]) for one in answer.json()["bundles"]]))
        url = next_url(answer.headers, answer.url)
        if url is None:
            return pages
        assert answer.json()["link"] == url
        answer = dss.send("GET", url, user=None)


def test_list_ends_with_an_empty_page_after_a_full_one(dss: Any) -> None:
    uuids = dss.put_many(20)
    pages = walk(dss, per_page=10)
    assert [(status, len(found)) for status, found in pages] == [(206, 10), (206, 10), (200, 0)]
    assert [uuid for _, found in pages for uuid, _ in found] == uuids


def test_list_describes_its_pages(dss: Any) -> None:
    uuids = dss.put_many(11)
    first = dss.send("GET", "/bundles/all", replica="aws", prefix="B0000000-00", per_page=10)
    after = f"bundles/{uuids[9]}.{BUNDLE_VERSION}"
    link = (
        f"{dss.ports.dss_url}/v1/bundles/all?replica=aws&prefix=B0000000-00&per_page=10"
        f"&search_after={after.replace('/', '%2F')}&token="
    )
    assert first.headers["Link"] == f'<{link}>; rel="next"'
    assert first.headers["X-OpenAPI-Paginated-Content-Key"] == "bundles"
    bundles = first.json().pop("bundles")
    assert bundles[0] == {"uuid": uuids[0], "version": BUNDLE_VERSION}
    about = {"dss_api": dss.ports.dss_url, "object": "list", "per_page": 10, "search_prefix": "bundles/b0000000-00"}
    assert first.json() == about | {
        "bundles": bundles,
        "event_timestamp": PATCHED,
        "page_count": 10,
        "has_more": True,
        "search_after": after,
        "token": "",
        "link": link,
    }
    last = dss.send("GET", link)
    assert (last.status_code, last.headers["X-OpenAPI-Pagination"]) == (200, "false")
    assert last.json() == about | {
        "bundles": [{"uuid": uuids[10], "version": BUNDLE_VERSION}],
        "event_timestamp": "2024-05-01T120500.123457Z",
        "page_count": 1,
        "has_more": False,
    }


def test_list_loses_no_version_at_the_end_of_a_page_and_leaks_no_dead_one(dss: Any) -> None:
    versions = [f"2024-05-01T1200{number:02d}.000000Z" for number in range(25)]
    for version in versions:
        dss.put_bundle([], version=version)
    [neighbour] = dss.put_many(1)
    delete(dss, version=versions[3])
    delete(dss, uuid=neighbour)
    found = [key for _, keys in walk(dss, per_page=10) for key in keys]
    assert found == [(BUNDLE_UUID, version) for version in versions if version != versions[3]]
    assert walk(dss, search_after=f"bundles/{BUNDLE_UUID}.{versions[2]}")[0][1][0] == (BUNDLE_UUID, versions[4])


def test_list_by_prefix(dss: Any) -> None:
    dss.put_many(2)
    dss.put_bundle([])
    assert walk(dss, prefix="1") == [(200, [(BUNDLE_UUID, BUNDLE_VERSION)])]
    assert walk(dss, prefix=BUNDLE_UUID) == [(200, [(BUNDLE_UUID, BUNDLE_VERSION)])]
    assert walk(dss, prefix="ff") == [(200, [])]


@pytest.mark.parametrize(
    "query",
    [{"prefix": "!x"}, {"prefix": ""}, {"prefix": "-a"}, {"prefix": "a\n"}, {"prefix": "a%"}, {"per_page": 9},
     {"search_after": "nonsense"}, {"search_after": "files/a.b"}, {"search_after": "bundles/a"}],
)  # fmt: skip
def test_list_refuses_nonsense(dss: Any, query: dict[str, Any]) -> None:
    assert problem(dss.send("GET", "/bundles/all", replica="aws", **query)) == (400, "illegal_arguments")


def test_file_version_of_the_example_is_shared() -> None:
    assert {one["version"] for one in entries()} == {FILE_VERSION}
