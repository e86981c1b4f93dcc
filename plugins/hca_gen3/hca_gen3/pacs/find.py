"""Asks a PACS by C-FIND what a study consists of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hca_core.errors import HcaError
from hca_gen3.pacs.associations import FIND, Link
from hca_gen3.pacs.instances import Instance, checked_uid, kind_of

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["find_instances"]

_PENDING = (0xFF00, 0xFF01)
_DOING = "search"


def find_instances(link: Link, study: str) -> Iterator[Instance | HcaError]:
    """Yield the instances of a study, series by series; for one whose UID cannot be used, the error that says so.

    Raises:
        BrokenError: the association ended, or the PACS has no time.
        HcaError: the PACS refuses to search.
    """
    # One question at a time: all series must be known before the first of them is asked about.
    for series in list(_query(link, "SERIES", StudyInstanceUID=study, SeriesInstanceUID="")):
        try:
            uid = checked_uid(series.get("SeriesInstanceUID", ""), "a series")
        except HcaError as error:
            yield error
            continue
        for found in _query(
            link, "IMAGE", StudyInstanceUID=study, SeriesInstanceUID=uid, SOPInstanceUID="", SOPClassUID=""
        ):
            yield _instance(uid, found)


def _instance(series: str, found: Dataset) -> Instance | HcaError:
    try:
        uid = checked_uid(found.get("SOPInstanceUID", ""), "an instance")
    except HcaError as error:
        return error
    return Instance(series, uid, kind_of(found.get("SOPClassUID", "")))


def _query(link: Link, level: str, **keys: str) -> Iterator[Dataset]:
    from pydicom import Dataset

    wanted = Dataset()
    wanted.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(wanted, keyword, value)
    for status, found in link.answers(lambda: link.association.send_c_find(wanted, FIND), _DOING):
        if status.Status in _PENDING:
            yield found or Dataset()
        elif status.Status != 0:
            raise link.failure(status, _DOING)
