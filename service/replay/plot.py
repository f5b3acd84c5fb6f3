"""Plots the scores of this bundle against those that were logged, as an SVG file."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

_SIDE: Final = 480
_MARGIN: Final = 56
_TICKS: Final = 5
_HEAD: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img"
  font-family="sans-serif" font-size="12"><title>{title}</title><rect width="{side}" height="{side}" fill="white"/>"""


def svg(points: Sequence[tuple[float, float, bool]], title: str) -> str:
    """Return a square plot: a point is a row, red if its label has changed; scores on the line have not changed."""
    numbers = [number for old, new, _ in points for number in (old, new)] or [0.0, 1.0]
    low, high = min(*numbers, 0.0), max(*numbers, 1.0 if max(numbers) <= 1 else max(numbers))
    span = (high - low) or 1.0

    def at(number: float) -> float:
        return _MARGIN + (number - low) / span * (_SIDE - 2 * _MARGIN)

    def up(number: float) -> float:
        return _SIDE - at(number)

    lines = [_HEAD.format(side=_SIDE, title=escape(title))]
    lines.append(f'<path d="M{at(low):.1f} {up(low):.1f}L{at(high):.1f} {up(high):.1f}" stroke="#999"/>')
    for tick in range(_TICKS + 1):
        number = low + span * tick / _TICKS
        lines.append(f'<text x="{at(number):.1f}" y="{up(low) + 18:.1f}" text-anchor="middle">{number:.3g}</text>')
        lines.append(f'<text x="{at(low) - 6:.1f}" y="{up(number) + 4:.1f}" text-anchor="end">{number:.3g}</text>')
    frame = _SIDE - 2 * _MARGIN
    lines.append(f'<rect x="{_MARGIN}" y="{_MARGIN}" width="{frame}" height="{frame}" fill="none" stroke="#ccc"/>')
    for old, new, changed in sorted(points, key=lambda point: point[2]):
        colour = "#c62828" if changed else "#1565c0"
        lines.append(f'<circle cx="{at(old):.1f}" cy="{up(new):.1f}" r="3" fill="{colour}" fill-opacity="0.5"/>')
    middle = _SIDE / 2
    lines.append(f'<text x="{middle}" y="28" text-anchor="middle" font-size="14">{escape(title)}</text>')
    lines.append(f'<text x="{middle}" y="{_SIDE - 14}" text-anchor="middle">score as logged</text>')
    turned = f'transform="translate(16 {middle})rotate(-90)" text-anchor="middle"'
    lines.append(f"<text {turned}>score of this bundle</text>")
    return "\n".join([*lines, "</svg>", ""])
