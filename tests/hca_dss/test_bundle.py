"""What is in a bundle, what is wanted of it, and what is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, DOCUMENT_SHA256, FILE_VERSION, entries, page, pages

from hca_core.errors import ArgumentError, TransferError
from hca_dss.bundle import Bundle, DSSFile, document_name, select

HOSTILE_NAMES = [
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a/./b",
    "a//b",
    "",
    "nul\0byte",
    "back\\slash",
    "line\nbreak",
    "\x1b[2Jclear",
    "CON",
    "reads/con.txt",
    "C:x",
    "dot.",
    "space ",
    "~/x",
    "x" * 256,
]


def a_file(name: str = "a.json", **changed: Any) -> DSSFile:
    file = DSSFile(name, "0a000000-0000-4000-8000-000000000001", FILE_VERSION, "ab" * 32, 3, True, "aws")
    return file._replace(**changed)


def names(files: list[DSSFile]) -> list[str]:
    return [file.name for file in files]


def test_pages_make_one_bundle_in_order() -> None:
    bundle = Bundle.from_pages(pages(), "aws")
    assert (bundle.uuid, bundle.version) == (BUNDLE_UUID, BUNDLE_VERSION)
    assert names(list(bundle.files)) == list(CONTENTS)
    assert bundle.files[3] == DSSFile(
        "reads/r1.fastq",
        "0a000000-0000-4000-8000-000000000004",
        FILE_VERSION,
        "8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd",
        16,
        False,
        "aws",
    )


@pytest.mark.parametrize("answers", [pages(), [page()]])
def test_the_document_is_exactly_the_documented_bytes(answers: list[dict[str, Any]]) -> None:
    document = Bundle.from_pages(answers, "aws").to_json()
    assert (len(document), hashlib.sha256(document).hexdigest()) == (3164, DOCUMENT_SHA256)


def test_the_folder_is_named_by_the_lower_case_uuid_and_the_version() -> None:
    answer = page()
    answer["bundle"]["uuid"] = answer["bundle"]["uuid"].upper()
    assert Bundle.from_pages([answer], "aws").folder_name == f"{BUNDLE_UUID}.{BUNDLE_VERSION}"


def test_pages_of_two_versions_are_refused() -> None:
    first, second = pages()
    second["bundle"]["version"] = FILE_VERSION
    with pytest.raises(TransferError, match="different bundles"):
        Bundle.from_pages([first, second], "aws")


@pytest.mark.parametrize("answers", [[], [None], [{}], [{"bundle": []}], [{"bundle": {"uuid": BUNDLE_UUID}}]])
def test_answers_that_are_no_bundle_are_refused(answers: list[Any]) -> None:
    with pytest.raises(TransferError):
        Bundle.from_pages(answers, "aws")


@pytest.mark.parametrize(("key", "value"), [("uuid", "../../x"), ("version", "../x")])
def test_a_bundle_cannot_choose_its_folder(key: str, value: str) -> None:
    answer = page()
    answer["bundle"][key] = value
    with pytest.raises(TransferError, match="describes the bundle badly"):
        Bundle.from_pages([answer], "aws")


@pytest.mark.parametrize(
    ("key", "value"), [("size", -1), ("size", "16"), ("size", True), ("name", None), ("indexed", "yes"), ("sha256", 7)]
)
def test_a_badly_described_file_is_named_with_the_wrong_field(key: str, value: Any) -> None:
    files = entries()
    files[3][key] = value
    with pytest.raises(TransferError, match=f"badly: {key}"):
        Bundle.from_pages([page(files)], "aws")


def test_everything_is_selected_by_default() -> None:
    assert names(select(Bundle.from_pages(pages(), "aws").files)) == list(CONTENTS)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"no_data": True}, ["project_0.json", "donor_organism_0.json", "donor_organism_1.json"]),
        ({"no_metadata": True}, ["reads/r1.fastq", "empty.marker"]),
        ({"no_metadata": True, "data_filter": ["*.fastq"]}, ["reads/r1.fastq"]),
        ({"no_data": True, "metadata_filter": ["project*", "*_1.json"]}, ["project_0.json", "donor_organism_1.json"]),
        ({"no_data": True, "metadata_filter": "project*"}, ["project_0.json"]),
        ({"no_data": True, "metadata_filter": ["PROJECT*"]}, []),
        ({"no_metadata": True, "data_filter": ["*/*"]}, ["reads/r1.fastq"]),
        ({"no_data": True, "no_metadata": True}, []),
    ],
)
def test_select_by_kind_and_pattern(choice: dict[str, Any], expected: list[str]) -> None:
    assert names(select(Bundle.from_pages(pages(), "aws").files, **choice)) == expected


@pytest.mark.parametrize("kind", ["metadata", "data"])
def test_a_filter_for_an_excluded_kind_is_a_contradiction(kind: str) -> None:
    arguments: dict[str, Any] = {f"{kind}_filter": ["x"], f"no_{kind}": True}
    with pytest.raises(ArgumentError, match=f"no_{kind} and {kind}_filter"):
        select([], **arguments)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_d1_a_hostile_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(TransferError) as caught:
        select([a_file("good.json"), a_file(name)])
    assert repr(name) in caught.value.message


def test_d1_a_hostile_name_that_is_not_wanted_does_no_harm() -> None:
    assert names(select([a_file(), a_file("../x", indexed=False)], no_data=True)) == ["a.json"]


@pytest.mark.parametrize("sha256", ["", "ab" * 31, "zz" * 32, "../../../../x", "ab" * 32 + "\n"])
def test_d2_a_bad_checksum_is_refused_with_the_files_name(sha256: str) -> None:
    with pytest.raises(TransferError, match=r"'a\.json' badly.*SHA-256"):
        select([a_file(sha256=sha256)])


def test_d2_a_checksum_in_upper_case_is_the_same_content() -> None:
    assert select([a_file(sha256="AB" * 32)])[0].sha256 == "ab" * 32


@pytest.mark.parametrize(("key", "value"), [("uuid", "../x"), ("version", "latest&x=1")])
def test_bad_identifiers_are_refused_with_the_files_name(key: str, value: str) -> None:
    with pytest.raises(TransferError, match=r"'a\.json' badly"):
        select([a_file(**{key: value})])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.json", "A.json"),
        ("a", "a"),
        ("caf\u00e9", "cafe\u0301"),
        ("a", "a/b"),
        ("A/b/c", "a/b"),
        ("stra\u00dfe", "STRASSE"),
    ],
)
def test_d7_names_that_would_meet_on_some_disk_are_both_named(one: str, other: str) -> None:
    with pytest.raises(TransferError) as caught:
        select([a_file(one), a_file(other)])
    assert repr(one) in caught.value.message
    assert repr(other) in caught.value.message


def test_d7_a_collision_with_a_file_that_is_not_wanted_does_no_harm() -> None:
    files = [a_file("a.json"), a_file("A.JSON", indexed=False)]
    assert names(select(files, no_data=True)) == ["a.json"]


def test_files_in_one_folder_do_not_collide() -> None:
    assert len(select([a_file("reads/1"), a_file("reads/2"), a_file("READS/3")])) == 3


def test_d8_the_document_makes_room_for_a_file_called_bundle_json() -> None:
    assert document_name([a_file("a.json")]) == "bundle.json"
    assert document_name([a_file("reads/bundle.json")]) == "bundle.json"
    assert document_name([a_file("Bundle.JSON")]) == ".bundle.json"
    assert document_name([a_file("bundle.json/x")]) == ".bundle.json"


def test_d8_both_names_taken_is_an_error_that_says_so() -> None:
    with pytest.raises(TransferError, match=r"bundle\.json and \.bundle\.json"):
        document_name([a_file("bundle.json"), a_file(".bundle.json")])
