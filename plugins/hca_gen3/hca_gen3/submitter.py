"""Submits a file of records to a Gen3 commons as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_core.errors import ArgumentError
from hca_gen3.commons import Commons
from hca_gen3.records_file import open_records
from hca_gen3.sender import Target
from hca_gen3.transaction import SubmissionError, read_transaction

__all__ = ["Gen3Submitter"]


class Gen3Submitter:
    """Submits to the commons at `endpoint` with the API key in the file `credentials`. Nothing is sent before."""

    def __init__(self, endpoint: str | None, credentials: str | os.PathLike[str]) -> None:
        from hca_gen3.auth import Auth

        self.commons = Commons(Auth(endpoint, refresh_file=os.fspath(credentials)))

    def submit_record(self, program: str, project: str, file: str | os.PathLike[str]) -> dict[str, Any]:
        """Submit the records of a file (`.json`, `.tsv` or `.csv`) together; return what the commons says about them.

        Records that exist are updated. `hca_gen3.submission.submit` submits in parts, for files that are large.

        Raises:
            ArgumentError: the file cannot be read, or has no records.
            SubmissionError: the commons refuses a record, and so has accepted none.
        """
        source = open_records(Path(file))
        found = list(source.records())
        if not found:
            raise ArgumentError(f"{source.path} has no records.")
        target = Target(self.commons, program, project)
        status, document = target.send(source.body(found), source.media_type, retryable=True)
        outcome = read_transaction(document, status=status, url=target.url)
        assert isinstance(document, Mapping)  # or it could not have been read
        if outcome.accepted:
            return dict(document)
        words = [complaint.message for entity in outcome.entities for complaint in entity.complaints]
        raise SubmissionError(
            f"The commons refuses {source.path}: {'; '.join([*words, *outcome.errors][:5]) or 'it does not say why'}",
            document=document,
            status=status,
            url=target.url,
        )
