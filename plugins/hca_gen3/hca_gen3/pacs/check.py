"""Is a DICOM file whole, and the one it should be?"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import IntegrityError
from hca_gen3.pacs.instances import Instance

if TYPE_CHECKING:
    from pydicom import FileDataset
    from pydicom.dataset import Dataset

__all__ = ["check"]

_DEFERRED = 4096  # bytes; longer values are looked at by their length only
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SHAPE = ("Rows", "Columns", "BitsAllocated")
_UNDEFINED = 0xFFFFFFFF
_ENDS = (bytes.fromhex("feffdde000000000"), bytes.fromhex("fffee0dd00000000"))  # of values of no known length
_PADDING = 65536  # bytes of nothing that may follow

logger = logging.getLogger(__name__)


def check(path: Path, study: str, instance: Instance) -> None:
    """Check that a file can be read, is the instance, and has as many pixels as it says.

    Raises:
        IntegrityError: it is not.
    """
    try:
        data = _read(path)
        wrong = _cut(path, data) or _wrong_uid(data, study, instance) or _wrong_pixels(data)
    except Exception as error:  # whatever pydicom stumbles over, the file cannot be read
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's word, not pydicom's
        logger.debug("%s cannot be parsed", instance.name, exc_info=True)
        raise _bad(instance, f"it cannot be read ({type(error).__name__})") from error
    if wrong:
        raise _bad(instance, *wrong)


def _read(path: Path) -> FileDataset:
    from pydicom import dcmread

    return dcmread(path, defer_size=_DEFERRED)


def _bad(instance: Instance, why: str, expected: object = None, actual: object = None) -> IntegrityError:
    return IntegrityError(
        f"{instance.name}: what came is not the instance that was asked for: {why}.",
        name=instance.name,
        expected=None if expected is None else str(expected),
        actual=None if actual is None else str(actual),
        hint="It was thrown away. Tell whoever runs the PACS.",
    )


Problem = tuple[str, object, object] | None


def _wrong_uid(data: FileDataset, study: str, instance: Instance) -> Problem:
    wanted = {"StudyInstanceUID": study, "SeriesInstanceUID": instance.series, "SOPInstanceUID": instance.uid}
    if instance.kind:
        wanted["SOPClassUID"] = instance.kind
    for keyword, expected in wanted.items():
        actual = str(data.get(keyword, ""))
        if actual != expected:
            return f"its {keyword} is {actual[:64]!r} instead of {expected!r}", expected, actual[:64]
    return None


def _cut(path: Path, data: FileDataset) -> Problem:
    """Say whether the file ends in the middle of a value; pydicom leaves out what it cannot read, and does not mind."""
    if data.file_meta.TransferSyntaxUID.is_deflated:
        return None  # the lengths are those of the inflated bytes, and a cut is an error of inflating
    size = path.stat().st_size
    elements = [data.get_item(tag, keep_deferred=True) for tag in data.keys()]  # noqa: SIM118 - values would be read
    last = max(elements, key=_position)
    start = size - len(_ENDS[0]) if _is_open(last) else _position(last) + _length(last)
    with path.open("rb") as file:
        file.seek(max(0, start))
        rest = file.read(_PADDING)
    if rest in _ENDS if _is_open(last) else start <= size and not rest.strip(b"\0"):
        return None
    return f"it ends in the middle, after {size} bytes", None, size


def _position(element: Any) -> int:
    tell = element.value_tell if hasattr(element, "value_tell") else element.file_tell
    return int(tell or 0)


def _is_open(element: Any) -> bool:
    """Tell whether the end of a value is marked, and not known by its length."""
    return bool(getattr(element, "is_undefined_length", False)) or getattr(element, "length", 0) == _UNDEFINED


def _length(element: Any) -> int:
    return int(getattr(element, "length", 0))


def _wrong_pixels(data: FileDataset) -> Problem:
    present = next((keyword for keyword in _PIXELS if keyword in data), None)
    if present is None:
        promised = all(keyword in data for keyword in _SHAPE) and "PixelDataProviderURL" not in data
        return ("it describes pixels and has none", None, None) if promised else None
    element = data.get_item(present, keep_deferred=True)
    if data.file_meta.TransferSyntaxUID.is_encapsulated:
        return None if _has_fragments(element) else ("its pixels are empty", None, 0)
    expected, actual = _pixel_bytes(data), _length(element)
    return (f"it has {actual} bytes of pixels instead of {expected}", expected, actual) if actual < expected else None


def _has_fragments(element: Any) -> bool:
    # A value that was deferred is long enough to have some; 8 bytes are an empty table of offsets.
    return element.value is None or len(element.value) > 8


def _pixel_bytes(data: Dataset) -> int:
    """Return how long pixels that are not compressed have to be at least."""
    samples = int(data.get("SamplesPerPixel", 1) or 1)
    frames = int(data.get("NumberOfFrames", 1) or 1)
    bits = int(data.Rows) * int(data.Columns) * samples * int(data.BitsAllocated) * frames
    if data.get("PhotometricInterpretation") == "YBR_FULL_422":
        bits = bits * 2 // 3  # two pixels share their colours
    return (bits + 7) // 8
