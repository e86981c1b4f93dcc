"""When a file in the area counts as the one that is here."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from hca_core.transfer.content import Content, read_content
from hca_core.transfer.objects import ListedObject, ObjectInfo
from hca_core.transfer.s3 import S3Store
from hca_upload.presence import Presence

from .conftest import CSV, CSV_CRC, CSV_ETAG

OTHER_ETAG, OTHER_CRC = "0" * 32, "00000000"


class Told:
    """A store that tells what it is told to tell."""

    def __init__(self, info: ObjectInfo) -> None:
        self.info = info

    def head(self, bucket: str, key: str, *, tags: bool) -> ObjectInfo:
        return self.info


@pytest.fixture
def content(tmp_path: Path) -> Content:
    (tmp_path / "f").write_bytes(CSV)
    return read_content(tmp_path / "f", len(CSV))


@pytest.mark.parametrize(
    ("etag", "is_md5", "crc32c", "there"),
    [
        (CSV_ETAG, True, CSV_CRC, True),
        (CSV_ETAG, True, None, True),
        (CSV_ETAG, True, OTHER_CRC, False),
        (OTHER_ETAG, True, CSV_CRC, False),
        (f"{OTHER_ETAG}-2", True, CSV_CRC, True),  # sent in other parts
        (f"{OTHER_ETAG}-2", True, OTHER_CRC, False),
        (f"{OTHER_ETAG}-2", True, None, False),
        (OTHER_ETAG, False, CSV_CRC, True),  # encrypted by the store
        (OTHER_ETAG, False, None, False),
    ],
)
def test_the_etag_decides_where_it_can_be_compared(
    etag: str, is_md5: bool, crc32c: str | None, there: bool, content: Content
) -> None:
    info = ObjectInfo(len(CSV), etag, "text/csv", metadata={"crc32c": crc32c} if crc32c else {}, is_md5=is_md5)
    presence = Presence(cast("S3Store", Told(info)), [ListedObject("b", "k", len(CSV), etag)])
    assert presence.has("k", content, "text/csv") == there
    assert not presence.has("k", content, "text/plain")
