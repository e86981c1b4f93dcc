"""Fetches by DICOMweb: lists by QIDO-RS, fetches by WADO-RS, several instances at a time."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError, HcaError, IntegrityError, NetworkError, NotFoundError, TransferError
from hca_core.transfer.pool import each
from hca_gen3.pacs.config import PacsConfig
from hca_gen3.pacs.faults import BrokenError
from hca_gen3.pacs.instances import Instance, Request, checked_uid, kind_of
from hca_gen3.pacs.parts import boundary_of, read_parts
from hca_gen3.pacs.shelf import Shelf

if TYPE_CHECKING:
    from requests import Response

    from hca_core.http import Session

__all__ = ["Web"]

_AT_ONCE = 8
_PAGE = 1000
_SERIES, _INSTANCE, _KIND = "0020000E", "00080018", "00080016"
_ANY_FORM = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class Web:
    """Lists and fetches the study of a shelf from the DICOMweb service of a PACS."""

    def __init__(self, config: PacsConfig, shelf: Shelf, session: Session, stop: threading.Event) -> None:
        self._shelf, self._session, self._stop = shelf, session, stop
        self._url = f"{config.dicomweb_url}/studies/{shelf.study}"
        self._credentials = _basic(config)

    def instances(self) -> Iterator[Instance | HcaError]:
        """Yield the instances of the study; for one whose UID cannot be used, the error that says so.

        Raises:
            ApiError, AuthError, NetworkError: the service does not answer, or refuses.
        """
        seen = 0
        for number in count():
            found = self._page(number * _PAGE)
            yield from map(_instance, found)
            seen += len(found)
            # A service that knows no pages gives everything at once, again and again.
            if len(found) != _PAGE or seen > (number + 1) * _PAGE:
                return

    def retrieve(self, request: Request) -> HcaError | None:
        """Ask for instances, one by one; why one did not come is noted on the shelf.

        Raises:
            BrokenError: answers broke off.
            AuthError: the service refuses us.
        """
        broken = None
        over = threading.Event()
        with closing(each(request.instances, self._fetch, jobs=_AT_ONCE, stop=over)) as failures:
            for failure in failures:
                if isinstance(failure, BrokenError):
                    broken = failure
                elif failure is not None:
                    raise failure
        if broken is not None:
            raise broken
        return None

    def close(self) -> None:
        """Nothing stays open: the connections belong to the session."""

    def _page(self, offset: int) -> list[Any]:
        params = {"includefield": _KIND, "limit": str(_PAGE), "offset": str(offset)}
        try:
            response = self._get(f"{self._url}/instances", "application/dicom+json", params=params)
            if response.status_code == 204 or not response.content:
                return []
            found = response.json()
        except NotFoundError:
            return []
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            raise TransferError("The DICOMweb service did not answer with a list of instances.")
        return found

    def _fetch(self, instance: Instance) -> HcaError | None:
        """Fetch one instance; return what went wrong if others must know it."""
        try:
            url = f"{self._url}/series/{instance.series}/instances/{instance.uid}"
            with self._get(url, _ANY_FORM, stream=True) as response:
                self._shelf.put(instance.uid, self._content(response))
        except NetworkError as error:
            self._shelf.blame(instance.uid, error)
            return error if isinstance(error, BrokenError) else _broken(error)
        except (ApiError, IntegrityError) as error:
            self._shelf.blame(instance.uid, error)
        except HcaError as error:
            return error
        return None

    def _content(self, response: Response) -> Iterator[bytes]:
        """Yield the bytes of the first instance in an answer."""
        from hca_core.http import exact_bytes

        boundary = boundary_of(response.headers.get("Content-Type", ""))
        pieces = self._until_stopped(exact_bytes(response))
        if boundary is None:
            return pieces
        return next(read_parts(pieces, boundary), iter(()))

    def _until_stopped(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._stop.is_set():
                raise CancelledError
            yield piece

    def _get(self, url: str, accept: str, **options: Any) -> Response:
        if self._stop.is_set():
            raise CancelledError
        # Never `secured`: the tokens of the session are for others.
        return self._session.send("GET", url, headers={"Accept": accept, **self._credentials}, **options)


def _broken(error: NetworkError) -> BrokenError:
    return BrokenError(error.message, url=error.url, attempts=error.attempts, hint=error.hint)


def _instance(found: Any) -> Instance | HcaError:
    try:
        series, uid = (checked_uid(_value(found, tag), "an instance") for tag in (_SERIES, _INSTANCE))
    except HcaError as error:
        return error
    return Instance(series, uid, kind_of(_value(found, _KIND)))


def _value(found: Any, tag: str) -> str:
    try:
        value = found[tag]["Value"][0]
    except (KeyError, IndexError, TypeError):
        return ""
    return value if isinstance(value, str) else ""


def _basic(config: PacsConfig) -> dict[str, str]:
    if not config.user:
        return {}
    pair = f"{config.user}:{config.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
