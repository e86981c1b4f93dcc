"""What C-GET and C-MOVE have in common: how instances are named, taken in, and how an answer is understood."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from hca_core.errors import HcaError, IntegrityError, TransferError
from hca_gen3.pacs.associations import Link
from hca_gen3.pacs.faults import StrangerError
from hca_gen3.pacs.instances import Request
from hca_gen3.pacs.shelf import Shelf

if TYPE_CHECKING:
    from io import BytesIO

    from pydicom import Dataset
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event

__all__ = ["identifier", "store", "take_answer"]

_SOME_FAILED = 0xB000
_NOT_AUTHORIZED, _OUT_OF_RESOURCES, _NOT_MATCHING = 0x0124, 0xA700, 0xA900

logger = logging.getLogger(__name__)


def identifier(study: str, request: Request) -> Dataset:
    """Return what names the instances of a request in DICOM's own protocol."""
    from pydicom import Dataset

    wanted = Dataset()
    wanted.QueryRetrieveLevel = "SERIES" if request.whole else "IMAGE"
    wanted.StudyInstanceUID = study
    wanted.SeriesInstanceUID = request.series
    if not request.whole:
        wanted.SOPInstanceUID = [instance.uid for instance in request.instances]
    return wanted


def store(event: Event, shelf: Shelf, on_problem: Callable[[], None]) -> int:
    """Take in an instance that the PACS sends; return the status to answer with.

    `on_problem` is called when no instance can be taken in any more.
    """
    sent = cast("C_STORE", event.request)
    uid = str(sent.AffectedSOPInstanceUID)
    try:
        shelf.put(uid, _pieces(event, cast("BytesIO", sent.DataSet)))
    except StrangerError as error:
        logger.warning("Refused: %s", error.message)
        return _NOT_AUTHORIZED
    except IntegrityError as error:
        shelf.blame(uid, error)
        return _NOT_MATCHING
    except TransferError as error:
        shelf.blame(uid, error)
        if shelf.problem is not None:
            on_problem()
        return _OUT_OF_RESOURCES
    except Exception:
        logger.exception("%s could not be taken in", uid)  # whoever called us tells nobody
        raise
    return 0


def _pieces(event: Event, content: BytesIO) -> Iterator[bytes | memoryview]:
    from pynetdicom.dsutils import encode_file_meta

    yield b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta)
    yield content.getbuffer()


def take_answer(
    link: Link, shelf: Shelf, status: Dataset, details: Dataset | None, doing: str, advice: str | None = None
) -> HcaError | None:
    """Note which instances the PACS could not send, and return why the others that did not come may be missing.

    `advice` is what to do about either.

    Raises:
        HcaError: the PACS refuses what would be asked for next, too, or has no time.
    """
    if status.Status == 0:
        return None
    if status.Status == _SOME_FAILED:
        for uid in _failed(details):
            shelf.blame(uid, TransferError("The PACS could not send it (sub-operation failed).", hint=advice))
        return None
    error = link.failure(status, doing)
    error.hint = error.hint or advice
    if type(error) is not TransferError:
        raise error
    return error


def _failed(details: Dataset | None) -> list[str]:
    found = None if details is None else details.get("FailedSOPInstanceUIDList")
    if not found:
        return []
    return [str(found)] if isinstance(found, str) else [str(uid) for uid in found]
