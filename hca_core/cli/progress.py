"""Shows how far transfers are: a bar on a terminal, a plain line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from hca_core.cli.output import clean, say
from hca_core.transfer.job import Silent

if TYPE_CHECKING:
    from hca_core.transfer.job import Progress

__all__ = ["STYLES", "open_progress"]

STYLES = ("auto", "bar", "plain", "none")
_PLAIN_INTERVAL = 10.0  # seconds between lines in a log file
_LARGE = 100_000_000  # bytes from which on a file has a bar of its own
_MOST_BARS = 4  # of large files at a time
_UNITS = ("B", "kB", "MB", "GB", "TB")


@contextmanager
def open_progress(style: str = "auto", stream: TextIO | None = None) -> Iterator[Progress]:
    """Yield a `Progress` that writes to `stream` (stderr) in one of `STYLES`.

    `auto` is `bar` on a terminal and silence elsewhere.
    """
    stream = stream or sys.stderr
    if style == "auto":
        style = "bar" if stream.isatty() else "none"
    if style == "bar":
        shown: Bar | Plain = Bar(stream)
    elif style == "plain":
        shown = Plain(stream)
    else:
        yield Notes()
        return
    try:
        yield shown
    finally:
        shown.close()


class Notes(Silent):
    """No progress, but a long wait is still announced."""

    def note(self, message: str) -> None:
        say(message)


class _Counting:
    """Totals of all files, kept under a lock because transfers run in threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # what a bar warns of may be logged, and so be noted
        self.files = self.finished = 0
        self.total = self.moved = 0

    def add(self, name: str, size: int | None) -> None:
        with self.lock:
            self.files += 1
            self.total += size or 0
            self.added(name, size or 0)
            self.show()

    def advance(self, name: str, count: int) -> None:
        with self.lock:
            self.moved += count
            self.advanced(name, count)
            self.show()

    def done(self, name: str) -> None:
        with self.lock:
            self.finished += 1
            self.ended(name)
            self.show()

    def added(self, name: str, size: int) -> None: ...

    def advanced(self, name: str, count: int) -> None: ...

    def ended(self, name: str) -> None: ...

    def show(self) -> None:
        raise NotImplementedError


class Bar(_Counting):
    """A tqdm bar over the bytes of all files, and one for each of a few large files while they are on their way."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._large: dict[str, int] = {}  # sizes of large files that have not ended
        self._bars: dict[str, Any] = {}
        self._whole: Any = None

    @property
    def bar(self) -> Any:
        """The bar over everything; drawn when there is something to show, so that a failure before leaves no trace."""
        if self._whole is None:
            self._whole = self._make(0, 0, "")
        return self._whole

    def _make(self, position: int, total: int, name: str) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=total,
            desc=name,
            position=position,
            leave=not position,
            unit="B",
            unit_scale=True,
            file=self._stream,
            dynamic_ncols=True,
            mininterval=0.2,
        )

    def added(self, name: str, size: int) -> None:
        if size >= _LARGE:
            self._large[name] = size

    def advanced(self, name: str, count: int) -> None:
        if name not in self._large:
            return
        if name not in self._bars and len(self._bars) < _MOST_BARS:
            free = set(range(1, _MOST_BARS + 1)) - {-bar.pos for bar in self._bars.values()}
            self._bars[name] = self._make(min(free), self._large[name], clean(name)[-40:])
        if name in self._bars:
            self._bars[name].update(count)

    def ended(self, name: str) -> None:
        self._large.pop(name, None)
        bar = self._bars.pop(name, None)
        if bar is not None:
            bar.close()

    def show(self) -> None:
        self.bar.total = self.total
        self.bar.set_description_str(f"{self.finished}/{self.files} files", refresh=False)
        self.bar.update(self.moved - self.bar.n)

    def note(self, message: str) -> None:
        with self.lock:
            if self._whole is None:
                print(clean(message), file=self._stream, flush=True)
            else:
                self._whole.write(clean(message), file=self._whole.fp)

    def close(self) -> None:
        if self._whole is None:
            return
        for bar in self._bars.values():
            bar.close()
        self.bar.refresh()
        self.bar.close()


class Plain(_Counting):
    """A line every ten seconds: enough for a log, and free of control characters."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.stream, self.clock = stream, clock
        self.shown_at = clock()

    def show(self) -> None:
        if self.clock() - self.shown_at >= _PLAIN_INTERVAL:
            self.write_line()

    def write_line(self) -> None:
        self.shown_at = self.clock()
        print(
            f"{self.finished} of {self.files} files, {readable(self.moved)} of {readable(self.total)}",
            file=self.stream,
            flush=True,
        )

    def note(self, message: str) -> None:
        print(clean(message), file=self.stream, flush=True)

    def close(self) -> None:
        self.write_line()


def readable(count: float) -> str:
    """Return a number of bytes as people write it: `1.5 GB`."""
    for unit in _UNITS:
        if abs(count) < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
