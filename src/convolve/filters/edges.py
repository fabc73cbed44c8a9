"""Filters that answer to changes of brightness: first and second differences.

All are laid on the image as they stand here: an x-filter answers positively where brightness grows to the
right, a y-filter where it grows downwards, a z-filter where it grows with depth.
"""

import functools

import numpy as np

from convolve.errors import FilterError
from convolve.filters.weights import Weights, frozen

AXES = "zyx"
"""Names of the dimensions; the last is always x."""

DIFFERENCE = (-1, 0, 1)
SMOOTHINGS = {"sobel": (1, 2, 1), "scharr": (3, 10, 3), "prewitt": (1, 1, 1)}
"""What each of these filters smooths with, across the direction in which it takes the difference."""


def difference(kind: str, axis: str, ndim: int = 2) -> Weights:
    """Return the sobel, scharr or prewitt filter along "x", "y" or "z".

    >>> difference("sobel", "y").tolist()
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    """
    if kind not in SMOOTHINGS or ndim not in (1, 2, 3):
        raise FilterError(
            f"a difference must be one of {', '.join(SMOOTHINGS)} in 1 to 3 dimensions, "
            f"got {kind!r} in {ndim!r}"
        )
    names = AXES[-ndim:]
    if axis not in names:
        raise FilterError(
            f"{kind}-{axis} needs an image that has the dimension {axis}, but with ndim={ndim} there are "
            f"{', '.join(names)}; ask for one of these, or for another ndim"
        )
    lines = [np.array(DIFFERENCE if name == axis else SMOOTHINGS[kind]) for name in names]
    weights = functools.reduce(np.multiply.outer, lines)
    return frozen(weights, np.int16 if kind == "scharr" and ndim == 3 else np.int8)


sobel_x, sobel_y = difference("sobel", "x"), difference("sobel", "y")
scharr_x, scharr_y = difference("scharr", "x"), difference("scharr", "y")
prewitt_x, prewitt_y = difference("prewitt", "x"), difference("prewitt", "y")
roberts_down = frozen([[-1, 0], [0, 1]])
roberts_up = frozen([[0, -1], [1, 0]])
laplacian_4 = frozen([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
laplacian_8 = frozen([[1, 1, 1], [1, -8, 1], [1, 1, 1]])
emboss = frozen([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
sharpen = frozen([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])


def laplacian(neighbours: int, ndim: int = 2) -> Weights:
    """Return the Laplacian over the nearest neighbours alone (4) or over all of them (8).

    In other than two dimensions the names keep their meaning: neighbours along the axes, or all.

    >>> laplacian(4, 1).tolist()
    [1, -2, 1]
    """
    if neighbours not in (4, 8) or ndim not in (1, 2, 3):
        raise FilterError(
            f"a Laplacian must have 4 or 8 neighbours in 1 to 3 dimensions, got {neighbours!r} in "
            f"{ndim!r}; try 4"
        )
    places = np.indices((3,) * ndim) - 1
    distance = np.abs(places).sum(axis=0)
    weights = (distance == 1) if neighbours == 4 else (distance > 0)
    numbers = weights.astype(np.int8)
    numbers[(1,) * ndim] = -int(numbers.sum())
    return frozen(numbers)


def sharpening(ndim: int = 2) -> Weights:
    """Return the image minus its Laplacian.

    >>> sharpening(1).tolist()
    [-1, 3, -1]
    """
    numbers = -laplacian(4, ndim)
    numbers[(1,) * ndim] += 1
    return frozen(numbers)
