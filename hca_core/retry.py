"""When to try a request again and how long to wait first: decisions only, nothing here waits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime

__all__ = ["REPEATABLE", "RetryPolicy", "parse_retry_after"]

REPEATABLE = frozenset({"DELETE", "GET", "HEAD", "PUT"})
"""Methods whose requests may be sent twice without changing what they do."""

# Longer texts are no date; the parser of dates need not see them.
_LONGEST_DATE = 40


@dataclass(frozen=True)
class RetryPolicy:
    """How patient a session is. All times are in seconds.

    `attempts` counts every try of one request, the first included. Without word from the server the waits between
    them start at `backoff` and double up to `max_delay`; a random share of up to `jitter` of each is left out, so
    that clients which failed together do not come back together. `deadline` bounds one call with all its redirects
    and waits. `max_redirects` counts redirects that ask for no wait; those that do are bounded by the deadline.
    """

    attempts: int = 10
    backoff: float = 0.1
    max_delay: float = 30.0
    jitter: float = 0.25
    deadline: float = 3600.0
    statuses: frozenset[int] = frozenset({429, 500, 502, 503, 504})
    max_redirects: int = 20

    def should_retry(self, method_is_retryable: bool, status: int | None) -> bool:
        """Return whether trying again may help; `status` is None when no answer came."""
        return method_is_retryable and (status is None or status in self.statuses)

    def delay(self, attempt: int, retry_after: float | None = None, rand: float = 0.0) -> float:
        """Return the wait after failed try number `attempt` (from 1); `rand` is a random number from 0 to 1.

        What the server asks for is waited exactly, neither shortened nor stretched.
        """
        if retry_after is not None:
            return retry_after
        # 2**60 back-offs are for ever already; more would overflow.
        doubled: float = self.backoff * 2 ** min(attempt - 1, 60)
        return min(self.max_delay, doubled) * (1 - self.jitter * rand)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, or None if it asks for nothing sensible.

    The header is a number of seconds or an HTTP date, compared with `now` (seconds since 1970). A past date is 0.
    An absurdly long number is infinity: the caller's deadline deals with that.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    if not text[:1].isalpha() or len(text) > _LONGEST_DATE:
        return None
    try:
        date = parsedate_to_datetime(text)
        # A date without a zone is in GMT by definition of the header.
        seconds = (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
