"""Runs tasks that may submit further tasks: the documented `TaskRunner`."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["TaskRunner"]

logger = logging.getLogger(__name__)

_POLL = 0.2  # seconds; on Windows an endless wait cannot be interrupted


class TaskRunner:
    """Runs tasks in threads; a task may submit others. A task that fails is logged as a warning, and counted.

    It is for programs that know it from the documentation; our own transfers use `hca_core.transfer`.
    """

    def __init__(self, threads: int = 2 * (os.cpu_count() or 1)) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hca-task")
        self._changed = threading.Condition()
        self._pending = 0
        self._failed = 0

    def submit(self, info: object, task: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Run `task` with these arguments as soon as a thread is free; `info` is what it is called if it fails."""
        with self._changed:
            self._pool.submit(self._run, info, task, args, kwargs)
            self._pending += 1

    def wait_for_futures(self) -> int:
        """Wait until all tasks are done, those that they submit as well; return how many failed since the last wait.

        When it is interrupted, tasks that have not begun never will, and no further ones are taken.
        """
        try:
            with self._changed:
                while not self._changed.wait_for(lambda: not self._pending, _POLL):
                    pass
                failed, self._failed = self._failed, 0
        except BaseException:
            self._pool.shutdown(wait=False, cancel_futures=True)
            raise
        return failed

    def _run(self, info: object, task: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        failed = True
        try:
            task(*args, **kwargs)
            failed = False
        except Exception as error:
            logger.warning("%s failed: %s", info, error, exc_info=logger.isEnabledFor(logging.DEBUG))
        finally:
            with self._changed:
                self._pending -= 1
                self._failed += failed
                self._changed.notify_all()
