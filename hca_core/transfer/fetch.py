"""Fetches one file: continued where it broke off, verified, and under its final name only when it is right."""

from __future__ import annotations

import errno
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from hca_core.errors import HcaError, TransferError
from hca_core.transfer.digest import checksum_of
from hca_core.transfer.download import Download
from hca_core.transfer.job import Opener, Progress, Silent, TransferJob
from hca_core.transfer.lanes import Lanes
from hca_core.transfer.private import sweep
from hca_core.transfer.quota import Quota
from hca_core.transfer.report import FileResult
from hca_core.transfer.sink import SMALL, clear

__all__ = ["Action", "Existing", "decide", "disk_error", "fetch", "is_hopeless"]

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})
_HOPELESS = _FULL | _TOO_MANY | {errno.EROFS}  # what keeps every other file from being written, too
_ADVICE = {
    **dict.fromkeys(_FULL, "Free some space and run the same command again: it goes on where it stopped."),
    **dict.fromkeys(_TOO_MANY, "Allow more open files (`ulimit -n`), then run the same command again."),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "Choose another folder, or allow writing to this one."),
}

Existing = Literal["skip", "verify", "overwrite", "error"]
Action = Literal["fetch", "present", "verify", "refuse"]


def fetch(
    job: TransferJob,
    opener: Opener,
    *,
    existing: Existing = "skip",
    quota: Quota | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    sweep: Callable[[Path], object] = sweep,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    lanes: Lanes | None = None,
) -> FileResult:
    """Fetch one file and say what became of it; a failure is a result, too.

    What breaks off is continued from where it was, by this call within `quota` and by the next run from the partial
    file. `opener` has its own rules for repeating a request that got no answer at all. Wrong content is fetched once
    more from the start, and then refused. `sweep` is called for the folder of a file that is fetched. Without `lanes`
    there is one connection at a time.

    Raises:
        CancelledError: `stop` was set; what is there so far can be continued.
    """
    progress = progress or Silent()
    progress.add(job.name, job.size)
    download = Download(job, opener, quota or Quota(), progress, stop or threading.Event(), sleep, lanes)
    begun = clock()
    result = FileResult(job.name, job.target, "failed", job.size)
    try:
        result = _result(job, existing, download, sweep)
    except HcaError as error:
        result = replace(result, error=error)
    except OSError as error:
        result = replace(result, error=disk_error(job.name, job.target, error))
    finally:
        progress.done(job.name)
    return replace(
        result, transferred=download.transferred, attempts=download.attempts, seconds=max(0.0, clock() - begun)
    )


def decide(existing: Existing, job: TransferJob, present: int | None) -> Action:
    """Return what to do about a target that has `present` bytes, or None if it does not exist.

    - `skip`: a file of the right size (or any, if that is not known) is kept, another is fetched again.
    - `verify`: a file with the right checksum is kept; it is fetched again if it has another or none is known.
    - `overwrite`: it is always fetched.
    - `error`: a file that exists is refused.
    """
    if present is None or existing == "overwrite":
        return "fetch"
    if existing == "error":
        return "refuse"
    if job.size is not None and present != job.size:
        return "fetch"
    if existing == "skip":
        return "present"
    return "verify" if job.checksum else "fetch"


def is_hopeless(error: BaseException | None) -> bool:
    """Tell whether a failure is one of this machine's, and no other file would fare better."""
    cause = error.__cause__ if isinstance(error, HcaError) else error
    return isinstance(cause, OSError) and cause.errno in _HOPELESS


def _result(job: TransferJob, existing: Existing, download: Download, sweep: Callable[[Path], object]) -> FileResult:
    present = _present_size(job)
    action = decide(existing, job, present)
    if action == "refuse":
        raise TransferError(f"{job.target} exists already.", hint="Choose another folder, or allow overwriting.")
    if action == "present" or (action == "verify" and _is_right(job)):
        download.progress.advance(job.name, present or 0)
        if present is not None and present > SMALL:
            clear(job.target)
        return FileResult(job.name, job.target, "present", present)
    sweep(job.target.parent)
    download.run(replace=present is not None)
    return FileResult(job.name, job.target, "resumed" if download.resumed else "fetched", download.size)


def _is_right(job: TransferJob) -> bool:
    if job.checksum is None:
        return False
    algorithm, expected = job.checksum
    return checksum_of(job.target, algorithm) == expected


def _present_size(job: TransferJob) -> int | None:
    try:
        there = job.target.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(there.st_mode):
        raise TransferError(f"{job.target} is in the way of {job.name}: it is not a file.")
    return there.st_size


def disk_error(name: str, target: Path, error: OSError) -> TransferError:
    """Return in words why the file called `name` cannot be written to `target`."""
    if error.errno in _FULL:
        message = f"No space left for {name} at {target}."
    else:
        message = f"Cannot write {name} to {target}: {error.strerror or error}."
    translated = TransferError(message, hint=_ADVICE.get(error.errno or 0))
    translated.__cause__ = error
    return translated
