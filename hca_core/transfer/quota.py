"""How often and how patiently a broken-off download is continued. Pure, so that it is tested without waiting."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Quota"]


@dataclass(frozen=True)
class Quota:
    """The failures a download may still have: each costs a try, every MiB that arrives gives one back.

    `delay` is how many seconds to wait after the next failure: it starts at `min_delay`, doubles with every failure
    and halves with every MiB, up to `max_delay`.
    """

    retries: int = 10
    min_delay: float = 0.25
    max_delay: float = 60.0
    failures: int = 0

    @property
    def delay(self) -> float:
        return max(self.min_delay, min(self.max_delay, self.min_delay * 2.0 ** min(self.failures, 100)))

    def received(self, mebibytes: int) -> Quota:
        """Return the quota after so many MiB arrived."""
        return replace(self, failures=max(0, self.failures - mebibytes))

    def failed(self) -> Quota | None:
        """Return the quota after one more failure, or None if that is one too many."""
        return replace(self, failures=self.failures + 1) if self.failures < self.retries else None
