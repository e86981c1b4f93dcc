from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_core.transfer import digest
from hca_core.transfer.digest import MIB, Checksums, checksums, part_size, sha256_of
from hca_core.transfer.ring import BLOCK

EMPTY = Checksums(
    "00000000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)
SMALL = {
    b"": EMPTY,
    b"a": Checksums(
        "c1d04330",
        "0cc175b9c0f1b6a831c399e269772661",
        "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    ),
    b"hello world\n": Checksums(
        "f0ff7292",
        "6f5902ac237024bdd0c176cb93063dc4",
        "22596363b3de40b06f981fb85d82312e8c0ed511",
        "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447",
    ),
}
ZEROS = {
    64 * MIB: Checksums(
        "32456b5d",
        "7f614da9329cd3aebf59b91aadc30bf0",
        "44fac4bedde4df04b9572ac665d3ac2c5cd00c7d",
        "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351",
    ),
    64 * MIB + 1: Checksums(
        "bc42803a",
        "d4b4f6056a5f5a23cda477d1895a2bbd-2",
        "e86b0f6894957e6491651921c60fe783069885c2",
        "91990977345985aaf03af1358f4f989d7eaf985b58529efb72f613c588f6599a",
    ),
    128 * MIB: Checksums(
        "61af04dd",
        "300deb1607d7381255df85975d6490b1-2",
        "ba713b819c1202dcb0d178df9d2b3222ba1bba44",
        "254bcc3fc4f27172636df4bf32de9f107f620d559b20d760197e452b97453917",
    ),
    128 * MIB + 1: Checksums(
        "3ee7512d",
        "ba5fc73d852360b3189c97463420b23a-3",
        "5a38cee3314ee50e3a96520ee9937a7e1438953d",
        "7ea6ce492b9f2e83db0190808df466a16da53a11f25ba786f46c26821243c687",
    ),
}


@pytest.mark.parametrize(
    ("size", "mebibytes", "parts"),
    [
        (0, 64, 0),
        (67_108_864, 64, 1),
        (67_108_865, 64, 2),
        (671_088_640_000, 64, 10_000),
        (671_088_640_001, 65, 9_847),
        (734_003_200_000, 70, 10_000),
        (1_048_576_000_000, 100, 10_000),
        (5_497_558_138_880, 525, 9_987),
    ],
)
def test_part_size_follows_the_data_store(size: int, mebibytes: int, parts: int) -> None:
    assert part_size(size) == mebibytes * MIB
    assert -(-size // part_size(size)) == parts


@pytest.mark.parametrize("data", SMALL)
def test_checksums_of_small_data(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    assert checksums(path) == SMALL[data] == checksums(io.BytesIO(data), len(data))


@pytest.mark.parametrize("size", ZEROS)
def test_checksums_around_the_part_size(size: int, tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(size)
    assert checksums(path) == ZEROS[size]


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
def test_checksums_with_one_block_and_with_threads_agree_with_hashlib(size: int, tmp_path: Path) -> None:
    data = random.Random(size).randbytes(size)
    path = tmp_path / "data"
    path.write_bytes(data)
    sums = checksums(path)
    assert sums.sha256 == hashlib.sha256(data).hexdigest() == sha256_of(path)
    assert sums.sha1 == hashlib.sha1(data).hexdigest()
    assert sums.s3_etag == hashlib.md5(data).hexdigest()


def test_crc32c_is_big_endian_hex_with_leading_zeros() -> None:
    assert checksums(io.BytesIO(b"123456789"), 9).crc32c == "e3069283"
    assert checksums(io.BytesIO(b"x45114"), 6).crc32c == "000b0dbe"


def test_both_crc32c_libraries_agree() -> None:
    google, crcmod = digest._with_google(), digest._with_crcmod()
    assert google is not None
    data = memoryview(random.Random(1).randbytes(100_000))
    assert google(google(0, data[:777]), data[777:]) == crcmod(crcmod(0, data[:777]), data[777:])
    assert crcmod(0, memoryview(b"x45114")) == 0x000B0DBE


@pytest.mark.parametrize("stated", [3, 5])
def test_a_source_that_changes_size_is_refused(stated: int) -> None:
    with pytest.raises(TransferError, match="changed while it was read"):
        checksums(io.BytesIO(b"four"), stated)


def test_a_stream_needs_its_size() -> None:
    with pytest.raises(TypeError, match="size"):
        checksums(io.BytesIO(b"four"))


def test_progress_adds_up_to_the_size(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(3 * BLOCK + 5))
    told: list[int] = []
    checksums(path, on_bytes=told.append)
    assert sum(told) == 3 * BLOCK + 5
    assert len(told) > 1
