"""The content type that a file gets."""

from __future__ import annotations

import pytest

from hca_upload.errors import UploadRefused
from hca_upload.media_type import content_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.json", "application/json"),
        ("a.txt", "text/plain"),
        ("a.csv", "text/csv"),
        ("a.fastq.gz", "application/gzip"),
        ("a.bam", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_what_names_promise(name: str, expected: str) -> None:
    assert content_type(name, "data") == f"{expected}; dcp-type=data"


@pytest.mark.parametrize(
    ("dcp_type", "shown"), [("data", "data"), ("metadata/sample", '"metadata/sample"'), ('a "b\\', r'"a \"b\\"')]
)
def test_a_dcp_type_is_quoted_unless_it_is_one_word(dcp_type: str, shown: str) -> None:
    assert content_type("a.txt", dcp_type) == f"text/plain; dcp-type={shown}"


@pytest.mark.parametrize("dcp_type", ["", "a\nb", "ü"])
def test_a_dcp_type_that_cannot_be_sent_is_a_sentence(dcp_type: str) -> None:
    with pytest.raises(UploadRefused, match="is not a dcp-type"):
        content_type("a.txt", dcp_type)
