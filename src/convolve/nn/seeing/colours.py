"""Numbers as colours: a diverging map for numbers with signs, a sequential one for strengths.

Few colours with straight lines between them, so that pictures need no plotting library.
"""

import numpy as np

from convolve.dtypes import Array

DIVERGING = ((127, 59, 8), (224, 130, 20), (255, 255, 255), (67, 147, 230), (5, 48, 97))
"""From negative by white to positive: orange and blue, as in `explain`, stay apart for colour-blind people;
the ends are darker than there, for no ink stands on them."""

HEAT = (
    (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85), (227, 89, 51), (249, 140, 10),
    (249, 201, 50), (252, 255, 164),
)  # fmt: skip
"""From 0 to 1: nine colours of matplotlib's "inferno" (CC0), whose lightness grows evenly."""

NO_NUMBER = (200, 203, 208)
"""Of NaN and infinities."""


def diverging(values: Array, largest: Array | float) -> Array:
    """Return colours (…, 3): white where a number is 0, the ends at ± ``largest``.

    Parameters
    ----------
    values
        Numbers of any shape.
    largest
        One number, or one for each part of ``values``; 0 where all are 0.

    Examples
    --------
    >>> import numpy as np
    >>> diverging(np.array([-2.0, 0.0, 2.0]), 2.0).tolist()
    [[127, 59, 8], [255, 255, 255], [5, 48, 97]]
    """
    return _mapped(values, 0.5 + 0.5 * shares(values, largest), DIVERGING)


def heat(values: Array, largest: Array | float = 1.0) -> Array:
    """Return colours (…, 3): black where a number is 0 or less, brightest at ``largest``.

    Parameters
    ----------
    values
        Numbers of any shape.
    largest
        One number, or one for each part of ``values``.

    Examples
    --------
    >>> import numpy as np
    >>> heat(np.array([0.0, 0.5, 1.0])).tolist()
    [[0, 0, 4], [186, 54, 85], [252, 255, 164]]
    """
    return _mapped(values, np.maximum(shares(values, largest), 0), HEAT)


def shares(values: Array, largest: Array | float) -> Array:
    """Return numbers as parts of ``largest``, from -1 to 1; 0 for what is no number."""
    finite = np.where(np.isfinite(values), values, 0).astype(np.float64)
    scale = np.where(np.asarray(largest) > 0, largest, 1)
    return np.asarray(np.clip(finite / scale, -1, 1))


def largest_of(values: Array, axes: tuple[int, ...]) -> Array:
    """Return the largest finite magnitude over some dimensions, which are kept."""
    return np.asarray(
        np.abs(np.where(np.isfinite(values), values, 0)).max(axis=axes, keepdims=True, initial=0)
    )


def _mapped(values: Array, places: Array, stops: tuple[tuple[int, int, int], ...]) -> Array:
    at = np.linspace(0, 1, len(stops))
    colours = [np.interp(places, at, [stop[k] for stop in stops]) for k in range(3)]
    found = np.rint(np.stack(colours, axis=-1)).astype(np.uint8)
    found[~np.isfinite(values)] = NO_NUMBER
    return found
