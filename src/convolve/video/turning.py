"""Films held upright: what a file's display matrix says is done before a filter sees left and right."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array

ONE = 1 << 16
"""The display matrix holds fixed-point numbers with 16 bits after the point (ISO/IEC 14496-12)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How stored rows and columns become those that a viewer sees.

    Attributes
    ----------
    swapped
        Whether rows become columns.
    rows, columns
        Afterwards, 1 for the order as it is, or -1 for the reverse.
    """

    swapped: bool = False
    rows: int = 1
    columns: int = 1

    @property
    def nothing(self) -> bool:
        """Whether frames stay as they are."""
        return self == Turn()

    def __call__(self, plane: Array) -> Array:
        """Return a view of a plane as it is meant to be seen.

        >>> Turn(swapped=True, columns=-1)(np.array([[1, 2, 3], [4, 5, 6]])).tolist()
        [[4, 1], [5, 2], [6, 3]]
        """
        return (plane.T if self.swapped else plane)[:: self.rows, :: self.columns]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that a viewer sees."""
        return (width, height) if self.swapped else (height, width)


def turn_of(frame: Any) -> tuple[Turn, str | None]:
    """Return how a frame is meant to be turned, and a note where that is not by right angles."""
    held = frame.side_data.get("DISPLAYMATRIX")
    if held is None:
        return Turn(), None
    a, b, _, c, d, *_ = np.frombuffer(held, np.int32).tolist()
    return turn_by(a, b, c, d)


def turn_by(a: int, b: int, c: int, d: int) -> tuple[Turn, str | None]:
    """Return the turn of a display matrix: a point (x, y) is shown at (a·x + c·y, b·x + d·y).

    >>> turn_by(0, ONE, -ONE, 0)
    (Turn(swapped=True, rows=1, columns=-1), None)
    """
    if abs(a) == abs(d) == ONE and b == c == 0:
        return Turn(False, np.sign(d).item(), np.sign(a).item()), None
    if abs(b) == abs(c) == ONE and a == d == 0:
        return Turn(True, np.sign(b).item(), np.sign(c).item()), None
    return Turn(), "the film's display matrix does not turn by right angles, so it was left out"
