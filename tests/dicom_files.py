"""Small DICOM files for the tests."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage

ROOT = "1.2.826.0.1.3680043.10.5431"
STUDY, OTHER_STUDY = f"{ROOT}.1", f"{ROOT}.2"


def series_uid(series: int, study: str = STUDY) -> str:
    """Return the UID of a series of a study."""
    return f"{study}.{series}"


def instance_uid(series: int, number: int, study: str = STUDY) -> str:
    """Return the UID of an instance of such a series."""
    return f"{study}.{series}.{number}"


def make(series: int = 1, number: int = 1, study: str = STUDY, *, rows: int = 8, compressed: bool = False) -> Dataset:
    """Return an image of `rows` times 8 pixels with its file meta information."""
    data = Dataset()
    data.PatientID, data.PatientName, data.StudyDate, data.StudyTime = "P1", "Nobody", "20200101", "120000"
    data.StudyInstanceUID, data.SeriesInstanceUID = study, series_uid(series, study)
    data.SOPInstanceUID, data.SOPClassUID = instance_uid(series, number, study), SecondaryCaptureImageStorage
    data.Modality, data.InstanceNumber, data.SeriesNumber = "OT", number, series
    data.Rows, data.Columns, data.SamplesPerPixel = rows, 8, 1
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    data.PixelData = bytes([number % 256]) * (rows * 8)
    data["PixelData"].VR = "OB"
    if compressed:
        data.PixelData = encapsulate([b"\xff\xd8\xff\xe0" + bytes(96) + b"\xff\xd9"])
        data["PixelData"].is_undefined_length = True
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def encode(data: Dataset) -> bytes:
    """Return the bytes of its file."""
    file = BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def study(*sizes: int, uid: str = STUDY) -> list[Dataset]:
    """Return a study whose series have these numbers of instances."""
    return [make(series, number, uid) for series, size in enumerate(sizes, 1) for number in range(1, size + 1)]


def names(*sizes: int, uid: str = STUDY) -> set[str]:
    """Return the paths that the files of such a study have in its folder."""
    return {f"sam-{one.SeriesInstanceUID}/{one.SOPInstanceUID}.dcm" for one in study(*sizes, uid=uid)}


def paths(folder: Path) -> set[str]:
    """Return the paths of all files below a folder, hidden ones, too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
