"""Files that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dicom_files import STUDY, encode, instance_uid, make, series_uid
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, SecondaryCaptureImageStorage

from hca_core.errors import IntegrityError
from hca_gen3.pacs.check import check
from hca_gen3.pacs.instances import Instance

pytestmark = pytest.mark.filterwarnings("ignore:End of file reached")

WANTED = Instance(series_uid(1), instance_uid(1, 1), SecondaryCaptureImageStorage)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refusal(path: Path, content: bytes) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        check(write(path, content), STUDY, WANTED)
    assert caught.value.name == WANTED.name
    return caught.value


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("rows", [1, 2000])
def test_a_whole_instance(tmp_path: Path, compressed: bool, rows: int) -> None:
    check(write(tmp_path / "x.dcm", encode(make(compressed=compressed, rows=rows))), STUDY, WANTED)


def test_a_kind_that_the_pacs_did_not_tell_is_not_looked_at(tmp_path: Path) -> None:
    check(write(tmp_path / "x.dcm", encode(make())), STUDY, WANTED._replace(kind=""))


def test_an_instance_that_is_no_image(tmp_path: Path) -> None:
    data = make()
    del data.PixelData, data.Rows
    check(write(tmp_path / "x.dcm", encode(data)), STUDY, WANTED)


def test_a_deflated_instance(tmp_path: Path) -> None:
    data = make(rows=1000)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    content = encode(data)
    check(write(tmp_path / "x.dcm", content), STUDY, WANTED)
    assert refusal(tmp_path / "y.dcm", content[:-20])


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("rows", [8, 2000])
def test_every_cut_is_noticed(tmp_path: Path, compressed: bool, rows: int) -> None:
    content = encode(make(compressed=compressed, rows=rows))
    for length in (0, 100, 131, 132, 200, 400, len(content) // 2, len(content) - 9, len(content) - 1):
        refusal(tmp_path / "x.dcm", content[:length])


def test_what_is_no_dicom(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "x.dcm", b"<html>Please log in</html>" * 20).message


def change(**values: object) -> Callable[[Dataset], None]:
    def changed(data: Dataset) -> None:
        for keyword, value in values.items():
            setattr(data, keyword, value)

    return changed


def without_pixels(data: Dataset) -> None:
    del data.PixelData


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change(StudyInstanceUID="1.9"), "StudyInstanceUID is '1.9'"),
        (change(SeriesInstanceUID="1.9"), "SeriesInstanceUID is '1.9'"),
        (change(SOPInstanceUID="1.9"), "SOPInstanceUID is '1.9'"),
        (change(SOPClassUID="1.9"), "SOPClassUID is '1.9'"),
        (change(SOPInstanceUID=""), "SOPInstanceUID is ''"),
        (change(Rows=9), "64 bytes of pixels instead of 72"),
        (change(NumberOfFrames=2), "64 bytes of pixels instead of 128"),
        (change(BitsAllocated=16), "64 bytes of pixels instead of 128"),
        (change(SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422"), "instead of 128"),
        (without_pixels, "describes pixels and has none"),
    ],
)
def test_what_is_another_instance_or_has_too_few_pixels(
    tmp_path: Path, spoil: Callable[[Dataset], None], words: str
) -> None:
    data = make()
    spoil(data)
    assert words in refusal(tmp_path / "x.dcm", encode(data)).message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "x.dcm", STUDY, WANTED)


def test_every_cut_of_a_report_is_noticed(tmp_path: Path) -> None:
    data, item = make(), Dataset()
    del data.PixelData, data.Rows
    item.ValueType, item.TextValue = "TEXT", "Nothing was found."
    data.ContentSequence = [item]
    for data["ContentSequence"].is_undefined_length in (True, False):
        content = encode(data)
        check(write(tmp_path / "x.dcm", content), STUDY, WANTED)
        check(write(tmp_path / "x.dcm", content + bytes(100)), STUDY, WANTED)
        begin = content.index(bytes.fromhex("400030a7"))  # before it, the file would be a whole one without it
        for length in range(begin + 1, len(content)):
            refusal(tmp_path / "x.dcm", content[:length])
