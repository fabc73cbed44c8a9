"""Outputs in a line, each the sum of some cells times factors: every cell is loaded once for all of them."""

import itertools
from collections.abc import Callable, Sequence

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen

Cells = Callable[[Affine, int], tuple[str, Sequence[Index]]]
"""Where the vector of cells is that stands at a place along the filter, and beside others."""


def slide(
    pen: Pen,
    lanes: int,
    factors: Sequence[tuple[Affine, Sequence[Index]]],
    tile: tuple[int, int],
    cells: Cells,
    name: Callable[[int, int], str],
) -> None:
    """Add some taps, each a place and a factor, to outputs in a line and beside each other."""
    outputs, side_by_side = tile
    users: dict[Affine, list[tuple[int, int]]] = {}
    for i, (tap, (place, _)) in itertools.product(range(outputs), enumerate(factors)):
        users.setdefault(place + i, []).append((i, tap))
    loaded: set[int] = set()
    for place in sorted(users, key=lambda place: place.constant):
        for v in range(side_by_side):
            buffer, index = cells(place, v)
            pen.load(f"cells{v}", buffer, index, lanes)
            for i, tap in users[place]:
                if tap not in loaded:
                    pen.repeat(f"factor{tap}", "weights", factors[tap][1], lanes)
                    loaded.add(tap)
                pen.compute(name(i, v), "fma", f"cells{v}", f"factor{tap}", name(i, v))
