"""Fetches by C-GET: the PACS sends on the association on which it is asked, so nobody has to be able to reach us."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError
from hca_gen3.pacs.associations import GET, Link, open_link
from hca_gen3.pacs.config import PacsConfig
from hca_gen3.pacs.faults import RefusedError
from hca_gen3.pacs.instances import Request
from hca_gen3.pacs.retrieval import identifier, store, take_answer
from hca_gen3.pacs.shelf import Shelf

if TYPE_CHECKING:
    from pynetdicom.events import Event
    from pynetdicom.presentation import PresentationContext

__all__ = ["Getter", "storage_contexts"]

_DOING = "send by C-GET"
_MOST_CONTEXTS = 128  # of one association
_HINT = "Set pacs_move_port and have it registered at the PACS, or use DICOMweb (pacs_dicomweb_url)."


class Getter:
    """Fetches instances of the `kinds` by C-GET, on one association that is opened when it is needed."""

    def __init__(self, config: PacsConfig, shelf: Shelf, stop: threading.Event) -> None:
        self._config, self._shelf, self._stop = config, shelf, stop
        self._link: Link | None = None

    def retrieve(self, request: Request) -> HcaError | None:
        """Ask for instances; return why those that did not come may be missing, if that is known.

        Raises:
            RefusedError: the PACS knows no C-GET.
            BrokenError: the association ended.
            HcaError: the PACS refuses everything.
        """
        try:
            return self._ask(request)
        except RefusedError as error:
            error.hint = _HINT
            raise

    def _ask(self, request: Request) -> HcaError | None:
        link = self._link = self._link or self._open()
        wanted = identifier(self._shelf.study, request)
        status, details = link.final(lambda: link.association.send_c_get(wanted, GET), _DOING)
        return take_answer(link, self._shelf, status, details, _DOING)

    def close(self) -> None:
        """End the association; the next request opens another."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _open(self) -> Link:
        from pynetdicom import build_context, build_role, evt

        contexts = storage_contexts(self._shelf.kinds, _MOST_CONTEXTS - 1)
        kinds = {str(context.abstract_syntax) for context in contexts}
        link = open_link(
            self._config,
            [build_context(GET), *contexts],
            _DOING,
            self._stop,
            roles=[build_role(kind, scp_role=True) for kind in kinds],
            handlers=[(evt.EVT_C_STORE, self._store)],
        )
        accepted = link.association.accepted_contexts
        if not any(one.abstract_syntax == GET for one in accepted) or not any(one.as_scp for one in accepted):
            link.close()
            raise RefusedError(f"{self._config.place} does not {_DOING}.")
        return link

    def _store(self, event: Event) -> int:
        return store(event, self._shelf, self._abort)

    def _abort(self) -> None:
        if self._link is not None:
            self._link.abort()


def storage_contexts(kinds: set[str], most: int) -> list[PresentationContext]:
    """Return in which forms we take instances of some kinds, in at most `most` contexts.

    Each form of compression has a context of its own where there is room, so that the PACS sends what it has and
    need not convert it. If `kinds` are not all known, the usual ones are taken.
    """
    from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
    from pynetdicom import StoragePresentationContexts, build_context

    if "" in kinds or len(kinds) > most:
        kinds = {str(context.abstract_syntax) for context in StoragePresentationContexts}
    plain = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    compressed = [syntax for syntax in AllTransferSyntaxes if syntax.is_encapsulated and not syntax.is_private]
    forms: list[list[Any]] = [plain, *([syntax] for syntax in compressed)]
    if len(kinds) * len(forms) > most:
        forms = [plain + compressed]
    return [build_context(kind, form) for kind in sorted(kinds) for form in forms]
