"""What names tell about files."""

from __future__ import annotations

import pytest

from hca_core.transfer.media_type import guess_type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.json", "application/json"),
        ("A.CSV", "text/csv"),
        ("a.fastq.gz", "application/gzip"),
        ("a.tar.bz2", "application/x-bzip2"),
        ("a.txt.xz", "application/x-xz"),
        ("a.bam", "application/octet-stream"),
        (".csv", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("27604_8#296.txt", "text/plain"),
        ("data:,x.csv", "text/csv"),
        ("data:x.csv", "text/csv"),
    ],
)
def test_the_type_of_a_name(name: str, kind: str) -> None:
    assert guess_type(name) == kind
