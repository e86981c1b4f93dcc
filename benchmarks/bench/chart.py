"""A picture of the rows: each ratio as a part of its goal, on a logarithmic scale; what is left of the line is met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bench.row import Row

__all__ = ["chart"]

_LABELS, _SCALE, _LINE, _TOP = 470, 420, 22, 46  # pixels
_LEAST, _MOST = 0.125, 8.0  # parts of a goal
_COLOURS = {"met": "#3a7d44", "not met": "#b3402e"}
_STYLE = "font-family: sans-serif; font-size: 12px"


def chart(rows: Sequence[Row]) -> str:
    """Return an SVG of the rows that have a goal."""
    shown = [row for row in rows if row.goal and row.ratio is not None]
    height = _TOP + _LINE * len(shown) + 12
    width = _LABELS + _SCALE + 70
    bars = [_bar(row, _TOP + _LINE * number) for number, row in enumerate(shown)]
    parts = [_grid(height), *bars]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" style="{_STYLE}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(parts)}</svg>\n'
    )


def _grid(height: int) -> str:
    marks = [2.0**power for power in range(-3, 4)]
    lines = [
        f'<line x1="{_x(mark)}" x2="{_x(mark)}" y1="{_TOP - 12}" y2="{height - 8}" '
        f'stroke="{"#222" if mark == 1 else "#ddd"}"/>'
        f'<text x="{_x(mark)}" y="{_TOP - 18}" text-anchor="middle">{mark:g} x</text>\n'
        for mark in marks
    ]
    return f'<text x="{_LABELS}" y="14">ratio, as a part of its goal: left of 1 x is met</text>\n{"".join(lines)}'


def _bar(row: Row, y: int) -> str:
    assert row.ratio is not None
    assert row.goal is not None
    end = _x(row.ratio / row.goal)
    start, colour = _x(_LEAST), _COLOURS[row.verdict]
    label = escape(f"{row.number}  {row.what} / {row.peer}")
    return (
        f'<text x="{_LABELS - 10}" y="{y + 12}" text-anchor="end">{label}</text>'
        f'<rect x="{start}" y="{y + 1}" width="{max(1.0, end - start):.1f}" height="{_LINE - 8}" fill="{colour}"/>'
        f'<text x="{end + 5:.1f}" y="{y + 12}">{row.ratio:.2f} ≤ {row.goal:.2f}</text>\n'
    )


def _x(part: float) -> float:
    """Return where a part of a goal is on the scale."""
    inside = min(max(part, _LEAST), _MOST)
    return round(_LABELS + _SCALE * math.log(inside / _LEAST) / math.log(_MOST / _LEAST), 1)
