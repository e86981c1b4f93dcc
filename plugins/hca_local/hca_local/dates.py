"""Dates as queries and documents write them: a moment, a whole day, or a calculation such as `now-1d/d`."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta, timezone
from functools import lru_cache

__all__ = ["Interval", "calculate", "interval"]

Interval = tuple[datetime, datetime]  # the first and the last moment

_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?"
)
_CALCULATION = re.compile(r"(?:now|(.+?)\|\|)((?:[+-][0-9]{1,6}[yMwdhHms]|/[yMwdhHms])*)")
_STEP = re.compile(r"([+-][0-9]+|/)([yMwdhHms])")
_TICK = timedelta(microseconds=1)
_STEPS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))
_UNITS = {"w": timedelta(weeks=1), "d": _STEPS[0], "h": _STEPS[1], "H": _STEPS[1], "m": _STEPS[2], "s": _STEPS[3]}
_MONTHS = {"M": 1, "y": 12}


@lru_cache(maxsize=4096)
def interval(text: str) -> Interval | None:
    """Return what an ISO date, with or without a time, means; None if it is no date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        offset = _offset(zone)
        start = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
        begin = start.replace(tzinfo=timezone.utc) - offset
        if fraction:
            begin += timedelta(microseconds=int(fraction[:6].ljust(6, "0")))
            return begin, begin
        precision = sum(part is not None for part in (day, hour, minute, second))
        return begin, (begin + _STEPS[precision - 1] if precision else _later(begin, 1)) - _TICK
    except (ValueError, OverflowError):
        return None


def calculate(text: str, now: datetime) -> Interval | None:
    """Return what date maths such as `now-1d`, `now/d` or `2024-05-01||+1M` mean; None if it is no such thing.

    `/d` makes it the whole day.
    """
    found = _CALCULATION.fullmatch(text)
    moment = (interval(found[1]) if found[1] else (now, now)) if found else None
    if found is None or moment is None:
        return None
    try:
        for amount, unit in _STEP.findall(found[2]):
            moment = _whole(moment[0], unit) if amount == "/" else _moved(moment, int(amount), unit)
    except (ValueError, OverflowError):
        return None
    return moment


def _moved(given: Interval, amount: int, unit: str) -> Interval:
    first, last = given
    if unit in _MONTHS:
        return _later(first, amount * _MONTHS[unit]), _later(last, amount * _MONTHS[unit])
    return first + amount * _UNITS[unit], last + amount * _UNITS[unit]


def _whole(moment: datetime, unit: str) -> Interval:
    """The year, month, week (from Monday), day, hour, minute or second in which a moment lies."""
    keep = {"y": 1, "M": 2, "w": 3, "d": 3, "h": 4, "H": 4, "m": 5, "s": 6}[unit]
    # What is smaller than the unit becomes the least there is: the first month and day, or nothing.
    first = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    begin = moment.replace(**{name: first[name] for name in [*first][keep - 1 :]})  # type: ignore[arg-type]
    if unit == "w":
        begin -= timedelta(days=begin.weekday())
    return begin, _moved((begin, begin), 1, unit)[0] - _TICK


def _later(moment: datetime, months: int) -> datetime:
    """The same day some months later, or the last one of a shorter month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z"):
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
