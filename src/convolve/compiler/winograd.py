"""Winograd's minimal filtering F(m, 3): m outputs of a filter of three taps from m + 2 products, not 3·m.

Filter and outputs are polynomials whose product is found from its values at a few points. F(2, 3) has the
points 0, 1, -1 and infinity. With cells d0…d3 and taps g0, g1, g2 it takes four products:

    m0 = (d0 - d2)·g0              m+ = (d1 + d2)·(g0 + g1 + g2)/2
    m∞ = (d3 - d1)·g2              m- = (d2 - d1)·(g0 - g1 + g2)/2

    y0 = d0·g0 + d1·g1 + d2·g2 = m0 + m+ + m-
    y1 = d1·g0 + d2·g1 + d3·g2 = m+ - m- + m∞

In two dimensions it is done along columns and then along rows: F(4×4, 3×3) makes 16 outputs from 36 products,
where the direct sum takes 144.

The points other than 0 and infinity come in pairs a, -a. What belongs to even powers is then the same for
both and what belongs to odd powers differs in its sign, which halves the work of the transforms. All that is
needed are coefficients of polynomials in a².
"""

import math
from dataclasses import dataclass
from fractions import Fraction

POINTS = {2: (Fraction(1),), 4: (Fraction(5, 8), Fraction(3, 2))}
"""Outputs of a tile along one dimension -> the positive points.

Relative L2 error of F(4×4, 3×3) in float32 for random normal numbers of 64 channels (2026-11-25): ±5/8, ±3/2
0.78e-6, the least of 48 pairs of eighths; ±1/2, ±3/2 0.96e-6; ±1, 1/2, -2 1.1e-6; ±1, ±2 1.7e-6. F(2×2, 3×3):
0.26e-6, less than the direct sum's 0.43e-6, because its sums are shorter."""

TAPS = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """The points a and -a.

    Attributes
    ----------
    point
        a.
    others
        Coefficients of Π(x² - b²) over the other pairs b, lowest power of x² first.
    scale
        What the filter's values at both points are divided by: 2·a²·Π(a² - b²).
    """

    point: Fraction
    others: tuple[Fraction, ...]
    scale: Fraction


@dataclass(frozen=True, slots=True)
class Winograd:
    """F(outputs, 3) along one dimension; values are in the order of the points 0, a, -a, b, -b, …, infinity.

    Attributes
    ----------
    zero
        Coefficients of Π(x² - a²) over all pairs, lowest power of x² first.

    Examples
    --------
    >>> f2 = Winograd.of(2)
    >>> f2.size, [str(number) for number in f2.zero]
    (4, ['-1', '1'])
    """

    outputs: int
    pairs: tuple[Pair, ...]
    zero: tuple[Fraction, ...]

    @staticmethod
    def of(outputs: int) -> "Winograd":
        """Return F(outputs, 3)."""
        points = POINTS[outputs]
        pairs = []
        for a in points:
            squares = [b * b for b in points if b != a]
            scale = 2 * a * a * math.prod((a * a - square for square in squares), start=Fraction(1))
            pairs.append(Pair(a, _product(squares), scale))
        return Winograd(outputs, tuple(pairs), _product([a * a for a in points]))

    @property
    def size(self) -> int:
        """Cells of a tile, and products, along one dimension."""
        return self.outputs + TAPS - 1

    def scale(self, place: int) -> Fraction:
        """Return what the filter's value at a point is divided by."""
        if place == 0:
            return self.zero[0]
        return Fraction(1) if place == self.size - 1 else self.pairs[(place - 1) // 2].scale


def beyond(outputs: int, apart: int) -> int:
    """Return by how many numbers the tiles of a block may reach beyond its last output.

    With a dilation a few more than they ever do: as many as is proved without asking for whole numbers.

    >>> beyond(4, 1), beyond(4, 2)
    (3, 10)
    """
    return 2 * outputs * apart - outputs - apart


def _product(squares: list[Fraction]) -> tuple[Fraction, ...]:
    """Return the coefficients of Π(z - square)."""
    result = [Fraction(1)]
    for square in squares:
        shifted = [Fraction(0), *result]
        result = [high - square * low for high, low in zip(shifted, [*result, Fraction(0)], strict=True)]
    return tuple(result)
