"""Draws each shape's ratio to the best peer as bars on a logarithmic scale, as an SVG file."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.figures import Figure, Record, figures

ROW, BAR = 22, 8
LEFT, WIDTH, TOP = 200, 520, 56
TICKS = (0.25, 0.5, 1, 2, 4, 8, 16)
COLOURS = {True: "#2a78b5", False: "#c8502d"}
"""Faster than every peer; slower than one."""


def svg(result: Record) -> str:
    """Return the picture; a shape has a bar for each number of threads, one thread first."""
    found = [one for one in figures(result) if one.ratio is not None]
    names = list(dict.fromkeys(one.shape.name for one in found))
    height = TOP + ROW * len(names) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 60} {height}" '
        'font-family="sans-serif" font-size="12">',
        "<title>Time of the fastest other library by ours</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18" fill="#222">Time of the fastest other library by ours '
        f"({escape(result['date'])}); upper bar 1 thread, lower bar 2</text>",
        *(tick(value, height) for value in TICKS),
    ]
    for number, name in enumerate(names):
        parts.append(bars(name, TOP + ROW * number, [one for one in found if one.shape.name == name]))
    return "\n".join([*parts, "</svg>", ""])


def place(ratio: float) -> float:
    """Return how far right a ratio stands; what is off the scale stands at its end."""
    share = math.log(ratio / TICKS[0]) / math.log(TICKS[-1] / TICKS[0])
    return LEFT + WIDTH * min(max(share, 0.0), 1.0)


def tick(value: float, height: int) -> str:
    """Return a line of the scale and its number."""
    x, colour = place(value), "#222" if value == 1 else "#ddd"
    return (
        f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 8}" stroke="{colour}"/>'
        f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle" fill="#555">{value:g}×</text>'
    )


def bars(name: str, y: int, found: Sequence[Figure]) -> str:
    """Return a shape's name and bars."""
    parts = [f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end" fill="#222">{escape(name)}</text>']
    for number, one in enumerate(found):
        ratio = one.ratio or TICKS[0]
        left, right = sorted((place(1), place(ratio)))
        parts.append(
            f'<rect x="{left:.1f}" y="{y + number * (BAR + 1)}" width="{max(right - left, 1):.1f}" '
            f'height="{BAR}" fill="{COLOURS[ratio >= 1]}"><title>{escape(name)}: {ratio:.2f}</title></rect>'
        )
    return "".join(parts)
