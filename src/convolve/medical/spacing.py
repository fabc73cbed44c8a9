"""Sizes of cells in mm: read from pictures in any unit, checked, compared."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.files import Picture
from convolve.filters.lengths import METRES

Spacing = tuple[float, float, float]

TOLERANCE = 0.1
"""Share by which cells may differ from those of the training: far less than lesions of one kind differ."""


def checked(spacing: Sequence[float] | Any, ndim: int) -> Array:
    """Return the size of a cell per dimension.

    Raises
    ------
    ArgumentError
        If it is not one positive, finite number for each.
    """
    try:
        sizes = np.asarray(spacing, float)
    except (TypeError, ValueError):
        sizes = np.zeros(0)
    if sizes.shape != (ndim,) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ArgumentError(
            f"spacing must be a positive number per dimension ({ndim}), got {spacing}; give mm along each, "
            "such as 3.0, 1.0, 1.0"
        )
    return sizes


def as_spacing(spacing: Sequence[float] | Any) -> Spacing:
    """Return the size of a cell along Z, Y and X, checked."""
    depth, height, width = (float(size) for size in checked(spacing, 3))
    return depth, height, width


def millimetres(picture: Picture) -> Spacing | None:
    """Return the size of a volume's cells in mm; None if the file does not say it, or says it in no length.

    >>> millimetres(Picture(np.zeros((2, 2, 2)), "ZYX", spacing=(0.3, 0.1, 0.1), unit="cm"))
    (3.0, 1.0, 1.0)
    """
    sizes, metres = picture.spacing, METRES.get(picture.unit or "")
    if sizes is None or metres is None:
        return None
    known = [round(size * (metres * 1e3), 12) for size in sizes if size is not None and 0 < size < math.inf]
    return as_spacing(known) if len(known) == 3 and min(known) > 0 else None


def differ(one: Sequence[float], other: Sequence[float]) -> bool:
    """Tell whether two sizes of cells differ by more than the tolerance along any dimension.

    >>> differ((3, 1, 1), (3.2, 1, 1)), differ((3, 1, 1), (3, 1, 1.2)), differ((3, 1, 1.2), (3, 1, 1))
    (False, True, True)
    """
    limit = 1 + TOLERANCE
    return any(max(a, b) > limit * min(a, b) for a, b in zip(one, other, strict=True))


def shown(spacing: Sequence[float]) -> str:
    """Return the size of a cell as messages show it.

    >>> shown((3.0, 0.5, 0.5))
    '3 × 0.5 × 0.5 mm'
    """
    return " × ".join(f"{size:.4g}" for size in spacing) + " mm"
